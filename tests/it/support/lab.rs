//! Machines that share nothing but a wire: each a buildlet in a network namespace and a mount namespace of its own.
//!
//! The coordinator runs in the namespace in the middle. No namespace has a name or leads to the outside, so whatever
//! happens to the test, all of it goes away with its processes, and no two tests can meet.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::{binary, skip};

/// Runs inside of the new namespaces: brings the program and packages where they stay visible, hides what another
/// machine would not have, waits for the wire, and serves. Arguments: own address, program, packages, what to hide.
const MACHINE: &str = r#"
set -e
address=$1 program=$2 wheels=$3
shift 3
mount -t tmpfs tmpfs /mnt
mkdir -p /mnt/bin /mnt/wheels /mnt/home "/mnt/$address"
touch /mnt/bin/muster
mount --bind "$program" /mnt/bin/muster
[ ! -d "$wheels" ] || mount --bind "$wheels" /mnt/wheels
cd /
for folder in "$@"; do
    [ ! -d "$folder" ] || mount -t tmpfs tmpfs "$folder"
done
ip link set lo up
echo ready
read wire
exec /mnt/bin/muster buildlet --listen "$address:0" --work-dir "/mnt/$address/work"
"#;
/// The one in the middle: it is there until its standard input ends.
const HUB: &str = "ip link set lo up && echo ready && read end";

/// A coordinator's place and the machines it reaches.
pub(crate) struct Lab {
    machines: Vec<Place>,
    urls: Vec<String>,
    hub: Place,
}

/// A process that holds its namespaces.
struct Place {
    process: Child,
    stdout: BufReader<ChildStdout>,
}

impl Lab {
    /// Starts this many machines; why not, where this machine cannot have any.
    pub(crate) fn start(count: u8, hidden: &[PathBuf], wheels: &Path) -> Option<Lab> {
        let mut probe = Command::new("unshare");
        let can = probe.args(["--net", "--mount", "ip", "link", "set", "lo", "up"]).stderr(Stdio::null()).status();
        if !can.is_ok_and(|status| status.success()) {
            skip("this user cannot make network and mount namespaces");
            return None;
        }
        let hub = Place::start(&["--net"], HUB, &[]);
        let mut lab = Lab { machines: Vec::new(), urls: Vec::new(), hub };
        for number in 1..=count {
            let address = format!("10.77.{number}.2");
            let program = binary().canonicalize().unwrap();
            let mut args = vec![OsStr::new(&address), program.as_os_str(), wheels.as_os_str()];
            args.extend(hidden.iter().map(|folder| folder.as_os_str()));
            let mut machine = Place::start(&["--net", "--mount", "--propagation", "private"], MACHINE, &args);
            lab.wire(number, &address, &machine);
            writeln!(machine.process.stdin.as_ref().unwrap(), "wire").unwrap();
            lab.urls.push(machine.line());
            lab.machines.push(machine);
        }
        Some(lab)
    }

    /// What each printed for others to reach it by.
    pub(crate) fn urls(&self) -> Vec<String> {
        self.urls.clone()
    }

    /// The same command, run by the coordinator's place. Its environment must have been cleared first.
    pub(crate) fn inside(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        inside.arg(format!("--net=/proc/{}/ns/net", self.hub.process.id())).arg("--");
        inside.arg(command.get_program()).args(command.get_args()).env_clear().stdin(Stdio::null());
        inside.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        inside
    }

    /// A cable from the middle to a machine, which knows no other way.
    fn wire(&self, number: u8, address: &str, machine: &Place) {
        let (hub, machine) = (self.hub.process.id(), machine.process.id());
        let script = format!(
            "ip link add m{number} type veth peer name wire netns {machine} && \
             ip addr add 10.77.{number}.1/24 dev m{number} && ip link set m{number} up && \
             exec nsenter --net=/proc/{machine}/ns/net sh -c 'ip addr add {address}/24 dev wire && ip link set wire up'"
        );
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{hub}/ns/net")).args(["sh", "-c", &script]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Place {
    fn start(namespaces: &[&str], script: &str, args: &[&OsStr]) -> Place {
        let mut command = Command::new("unshare");
        command.args(namespaces).args(["--", "sh", "-c", script, "lab"]).args(args);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("LANG", "C.UTF-8");
        command.env("HOME", "/mnt/home").env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", "/mnt/wheels");
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let mut place = Place { process, stdout };
        assert_eq!(place.line(), "ready");
        place
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "a machine did not start: see its own words above");
        line.trim_end().to_owned()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _status = self.process.wait();
    }
}
