//! Makes a command out of what was asked: which file, where, with what environment.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use super::{
    super::{
        AgentConfig, paths,
        refusal::{Refusal, go_text},
    },
    ExecParams, env,
};

/// A program being written by a process that is just forking cannot be started for a moment (`ETXTBSY`): so often it
/// is tried again.
const BUSY_TRIES: u32 = 20;
const BUSY_PAUSE: Duration = Duration::from_millis(5);

/// A command, resolved.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    program: PathBuf,
    args: Vec<OsString>,
    env: Vec<Vec<u8>>,
    dir: PathBuf,
}

/// A command that could not be started: Go's text of why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StartFailed(pub(crate) String);

impl Command {
    /// Resolves what was asked. With `aware` the caller's environment wins over the agent's own directories; Go's
    /// buildlet has it the other way round.
    pub(crate) fn resolve(
        config: &AgentConfig,
        work_dir: &Path,
        params: &ExecParams,
        aware: bool,
    ) -> Result<Self, Refusal> {
        let env = environment(config, work_dir, params, aware);
        let program = program(work_dir, params, &base_path(config))?;
        let dir = directory(work_dir, params, &program)?;
        let mut env = env;
        env.push([b"PWD=", dir.as_os_str().as_bytes()].concat());
        let args = params.args.iter().map(|arg| OsStr::from_bytes(arg).to_owned()).collect();
        Ok(Command { program, args, env: env::dedup(env), dir })
    }

    /// The line that `debug` asks for.
    pub(crate) fn debug_line(&self) -> String {
        let quoted = |texts: &mut dyn Iterator<Item = &[u8]>| {
            let words: Vec<_> = texts.map(|text| format!("{:?}", String::from_utf8_lossy(text))).collect();
            words.join(" ")
        };
        let mut args = std::iter::once(self.program.as_os_str()).chain(self.args.iter().map(AsRef::as_ref));
        format!(
            ":: Running {} with args [{}] and env [{}] in dir {}\n\n",
            self.program.display(),
            quoted(&mut args.by_ref().map(|arg| arg.as_bytes())),
            quoted(&mut self.env.iter().map(Vec::as_slice)),
            self.dir.display(),
        )
    }

    /// Starts it as the leader of a new process group. Gives the process and the end of its output to read from.
    pub(crate) fn start(&self) -> Result<(tokio::process::Child, io::PipeReader), StartFailed> {
        let failed =
            |error: &io::Error| StartFailed(format!("fork/exec {}: {}", self.program.display(), go_text(error)));
        // The system reports a missing directory like a missing program; Go tells them apart.
        if let Err(error) = std::fs::metadata(&self.dir) {
            return Err(StartFailed(format!("chdir {}: {}", self.dir.display(), go_text(&error))));
        }
        let mut tries = 0;
        loop {
            match self.spawn() {
                Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && tries < BUSY_TRIES => {
                    tries += 1;
                    tracing::debug!(program = %self.program.display(), "the program is being written; trying again");
                    std::thread::sleep(BUSY_PAUSE);
                }
                other => return other.map_err(|error| failed(&error)),
            }
        }
    }

    fn spawn(&self) -> io::Result<(tokio::process::Child, io::PipeReader)> {
        let (reader, writer) = io::pipe()?;
        let mut command = std::process::Command::new(&self.program);
        command
            .args(&self.args)
            .env_clear()
            .envs(self.env.iter().filter_map(|pair| split(pair)))
            .current_dir(&self.dir)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer);
        let mut command = tokio::process::Command::from(command);
        let child = command.spawn()?;
        Ok((child, reader))
    }
}

fn split(pair: &[u8]) -> Option<(&OsStr, &OsStr)> {
    let at = pair.iter().skip(1).position(|&byte| byte == b'=')? + 1;
    Some((OsStr::from_bytes(&pair[..at]), OsStr::from_bytes(&pair[at + 1..])))
}

fn base_env(config: &AgentConfig) -> Vec<Vec<u8>> {
    let join = |(key, value): (OsString, OsString)| [key.as_bytes(), b"=", value.as_bytes()].concat();
    match &config.base_env {
        Some(pairs) => pairs.iter().cloned().map(join).collect(),
        None => std::env::vars_os().map(join).collect(),
    }
}

fn base_path(config: &AgentConfig) -> OsString {
    let base = base_env(config);
    OsStr::from_bytes(env::get(&base, b"PATH").unwrap_or_default()).to_owned()
}

/// Directories of the work directory that commands are told of.
pub(crate) const GO_DIRS: [(&str, &str); 3] = [("TMPDIR", "tmp"), ("GOCACHE", "gocache"), ("GOPLSCACHE", "goplscache")];

fn environment(config: &AgentConfig, work_dir: &Path, params: &ExecParams, aware: bool) -> Vec<Vec<u8>> {
    let mut all = base_env(config);
    let inherited_bootstrap = env::get(&all, b"GOROOT_BOOTSTRAP").map(<[u8]>::to_vec);
    let root = work_dir.as_os_str().as_bytes();
    for (key, value) in [("USER", "root"), ("HOME", "/root")] {
        if env::get(&all, key.as_bytes()).is_none() {
            all.push(format!("{key}={value}").into_bytes());
        }
    }
    all.push([b"WORKDIR=", root].concat());
    let mut own = Vec::new();
    if config.go_dirs {
        own.extend(GO_DIRS.iter().map(|(key, dir)| [key.as_bytes(), b"=", root, b"/", dir.as_bytes()].concat()));
        all.push([b"GOROOT_BOOTSTRAP=", root, b"/go1.4"].concat());
    }
    if aware {
        all.extend(own);
        all.extend(params.env.iter().cloned());
    } else {
        all.extend(params.env.iter().cloned());
        all.extend(own);
    }
    if let Some(inherited) = inherited_bootstrap {
        let chosen = env::get(&all, b"GOROOT_BOOTSTRAP").unwrap_or_default();
        if !chosen.is_empty() && !Path::new(OsStr::from_bytes(chosen)).exists() {
            all.push([b"GOROOT_BOOTSTRAP=", inherited.as_slice()].concat());
        }
    }
    if let Some(path) = env::path(&all, &params.path, root) {
        all.push([b"PATH=", path.as_slice()].concat());
    }
    env::dedup(all)
}

fn program(work_dir: &Path, params: &ExecParams, search: &OsStr) -> Result<PathBuf, Refusal> {
    let text = String::from_utf8_lossy(&params.cmd).into_owned();
    let invalid = |reason: &str| format!("invalid 'cmd' parameter: {reason}");
    if params.cmd.starts_with(b"/") {
        return Ok(PathBuf::from(OsStr::from_bytes(&params.cmd)));
    }
    if params.cmd.contains(&b'/') {
        if params.sys {
            return Err(Refusal::bad_request(invalid(&format!("a relative path ({text:?}) in mode sys"))));
        }
        let relative = paths::relative(&params.cmd)
            .ok_or_else(|| Refusal::bad_request(invalid(&format!("{text:?} leads out of the work directory"))))?;
        return Ok(paths::join(work_dir, &relative));
    }
    let name = OsStr::from_bytes(&params.cmd);
    if !params.sys {
        let here = work_dir.join(name);
        if is_program(&here) {
            return Ok(here);
        }
    }
    std::env::split_paths(search)
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(name))
        .find(|path| is_program(path))
        .ok_or_else(|| Refusal::new(422, invalid(&format!("command {text:?} not found"))))
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

fn directory(work_dir: &Path, params: &ExecParams, program: &Path) -> Result<PathBuf, Refusal> {
    if params.dir.is_empty() {
        let parent = program.parent().filter(|_| !params.sys);
        return Ok(parent.unwrap_or(work_dir).to_owned());
    }
    if params.dir.starts_with(b"/") {
        return Ok(PathBuf::from(OsStr::from_bytes(&params.dir)));
    }
    let relative = paths::relative(&params.dir).ok_or_else(|| Refusal::bad_request("bogus 'dir' parameter"))?;
    Ok(paths::join(work_dir, &relative))
}
