//! Finds the control group hierarchies of this machine, and where in them this process is.

use std::path::{Path, PathBuf};

/// A mounted hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hierarchy {
    /// What it controls.
    pub(super) kind: Kind,
    /// Folders in which a group may be made, the best first.
    pub(super) places: Vec<PathBuf>,
}

/// What a hierarchy controls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Version 1.
    V1 {
        /// It has the memory controller.
        memory: bool,
        /// It has the processor controller.
        cpu: bool,
    },
    /// Version 2.
    V2,
}

/// Those that limit memory or processors, or, for version 2, at least list processes.
pub(super) fn hierarchies() -> Vec<Hierarchy> {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    parse(&read("/proc/self/mountinfo"), &read("/proc/self/cgroup"))
}

fn parse(mountinfo: &str, cgroup: &str) -> Vec<Hierarchy> {
    mountinfo.lines().filter_map(|line| hierarchy(line, cgroup)).collect()
}

/// A line is `id parent major:minor root mount-point options [tags] - type source super-options`.
fn hierarchy(line: &str, cgroup: &str) -> Option<Hierarchy> {
    let (mount, system) = line.split_once(" - ")?;
    let mut mount = mount.split(' ').skip(3);
    let (root, point) = (mount.next()?, Path::new(mount.next()?));
    let mut system = system.split(' ');
    let (version, options) = (system.next()?, system.nth(1)?);
    let has = |controller: &str| options.split(',').any(|option| option == controller);
    let kind = match version {
        "cgroup" if has("memory") || has("cpu") => Kind::V1 { memory: has("memory"), cpu: has("cpu") },
        "cgroup2" => Kind::V2,
        _ => return None,
    };
    // A line is `id:controllers:path`, without controllers for version 2.
    let own = cgroup.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let same = match kind {
            Kind::V1 { .. } => controllers.split(',').any(has),
            Kind::V2 => controllers.is_empty(),
        };
        same.then_some(path)
    })?;
    // The mount shows the hierarchy from `root` on; a path outside of it cannot be seen.
    let inside = Path::new(own).strip_prefix(root).ok()?;
    let own = if inside.as_os_str().is_empty() { point.to_owned() } else { point.join(inside) };
    let mut places = vec![own.clone()];
    // A version 2 group with processes of its own hands no controllers on, but the one above it may.
    if let (Kind::V2, Some(above)) = (kind, own.parent().filter(|above| own != point && above.starts_with(point))) {
        places.push(above.to_owned());
    }
    Some(Hierarchy { kind, places })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
30 25 0:26 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n\
31 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
34 25 0:30 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices\n\
32 25 0:28 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n\
33 25 0:29 / /proc rw - proc proc rw\n";

    #[test]
    fn version_1_beside_an_empty_version_2() {
        let found = parse(HYBRID, "5:devices:/\n4:memory:/job/1\n3:cpu,cpuacct:/\n0::/\n");
        let memory = Hierarchy {
            kind: Kind::V1 { memory: true, cpu: false },
            places: vec!["/sys/fs/cgroup/memory/job/1".into()],
        };
        let cpu = Hierarchy {
            kind: Kind::V1 { memory: false, cpu: true },
            places: vec!["/sys/fs/cgroup/cpu,cpuacct".into()],
        };
        let unified = Hierarchy { kind: Kind::V2, places: vec!["/sys/fs/cgroup/unified".into()] };
        assert_eq!(found, [memory, cpu, unified]);
    }

    #[test]
    fn version_2_offers_the_own_group_and_the_one_above() {
        let mountinfo = "24 23 0:22 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
        let found = parse(mountinfo, "0::/user.slice/app.slice/term.scope\n");
        let places: Vec<PathBuf> =
            vec!["/sys/fs/cgroup/user.slice/app.slice/term.scope".into(), "/sys/fs/cgroup/user.slice/app.slice".into()];
        assert_eq!(found, [Hierarchy { kind: Kind::V2, places }]);
    }

    #[test]
    fn nothing_where_nothing_is_mounted_or_our_group_is_not_shown() {
        assert_eq!(parse("33 25 0:29 / /proc rw - proc proc rw\n", "0::/\n"), []);
        assert_eq!(parse("30 25 0:26 /docker/x /sys/fs/cgroup rw - cgroup2 cgroup rw\n", "0::/elsewhere\n"), []);
    }
}
