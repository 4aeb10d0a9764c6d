//! Finds the cgroup hierarchies of this machine, and where in them this process is.

use std::path::{Path, PathBuf};

/// One mounted hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hierarchy {
    /// Version 1 controllers; empty for version 2.
    pub(super) controllers: Vec<String>,
    /// Where this process is, if the mount shows it.
    pub(super) own: Option<PathBuf>,
    /// Directories to try, the nearest to this process first.
    pub(super) places: Vec<PathBuf>,
}

/// Reads `/proc/self/mountinfo` and `/proc/self/cgroup`.
pub(super) fn hierarchies() -> Vec<Hierarchy> {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    parse(&read("/proc/self/mountinfo"), &read("/proc/self/cgroup"))
}

fn parse(mountinfo: &str, cgroup: &str) -> Vec<Hierarchy> {
    mountinfo.lines().filter_map(|line| hierarchy(line, cgroup)).collect()
}

/// A line is `id parent major:minor root mount-point options [tags] - type source super-options`.
fn hierarchy(line: &str, cgroup: &str) -> Option<Hierarchy> {
    let (mount, kind) = line.split_once(" - ")?;
    let mut mount = mount.split(' ').skip(3);
    let (root, point) = (mount.next()?, mount.next()?);
    let mut kind = kind.split(' ');
    let (version, options) = (kind.next()?, kind.nth(1)?);
    let controllers: Vec<String> = match version {
        "cgroup" => options.split(',').filter(|word| *word != "rw").map(str::to_owned).collect(),
        "cgroup2" => Vec::new(),
        _ => return None,
    };
    // A line of this file is `id:controllers:path`, with no controllers for version 2.
    let own = cgroup.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (names, path) = (parts.next()?, parts.next()?);
        let same = if controllers.is_empty() {
            names.is_empty()
        } else {
            names.split(',').any(|name| controllers.iter().any(|known| known == name))
        };
        same.then_some(path)
    });
    let point = Path::new(point);
    // The mount shows the hierarchy from `root` on; a path outside of it cannot be seen.
    let inside = own.and_then(|own| Path::new(own).strip_prefix(root).ok());
    let own = inside.map(|inside| point.join(inside));
    let mut places: Vec<PathBuf> = own.clone().into_iter().collect();
    if !places.iter().any(|place| place == point) {
        places.push(point.to_owned());
    }
    Some(Hierarchy { controllers, own, places })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_found() {
        let mountinfo = "\
30 25 0:26 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n\
31 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
32 25 0:28 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n\
33 25 0:29 / /proc rw - proc proc rw\n";
        let cgroup = "4:memory:/job/1\n3:cpu,cpuacct:/\n0::/session\n";
        let found = parse(mountinfo, cgroup);
        let shown: Vec<_> = found.iter().map(|found| (found.controllers.join(","), found.places[0].clone())).collect();
        assert_eq!(
            shown,
            [
                ("memory".to_owned(), PathBuf::from("/sys/fs/cgroup/memory/job/1")),
                ("cpu,cpuacct".to_owned(), PathBuf::from("/sys/fs/cgroup/cpu,cpuacct/")),
                (String::new(), PathBuf::from("/sys/fs/cgroup/unified/session")),
            ]
        );
        assert_eq!(found[0].places[1], PathBuf::from("/sys/fs/cgroup/memory"));
    }

    #[test]
    fn a_path_the_mount_does_not_show_is_not_tried() {
        let mountinfo = "30 25 0:26 /docker/x /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
        let found = parse(mountinfo, "0::/elsewhere\n");
        assert_eq!(found[0].places, [PathBuf::from("/sys/fs/cgroup")]);
    }
}
