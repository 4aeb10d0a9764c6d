//! Muster's own program in a Rust tree: compiles its tests, notes how each binary is run, and runs some of them.
//!
//! It is compiled on the main machine by the project's own compiler (1.63 or later, the standard library alone), lies
//! in `target/muster`, and goes to the helpers with the tree. Under other names it stands in for programs that cargo
//! calls, and notes what cargo says: `rustc` (which binaries have the standard harness), `exec` (the environment and
//! folder of each test binary) and `rustdoc` (the same of documentation tests).

mod facts;
mod folders;
mod libtest;
mod make;
mod output;
mod prune;
mod record;
mod relocate;
mod request;
mod run;
mod run_binary;
mod run_nextest;
mod serial;
mod unit;

use std::env;
use std::path::Path;
use std::process::exit;

/// What goes wrong, in words for the log.
type Result<T> = std::result::Result<T, String>;

/// The exit status when this program could not do its part.
const OWN_FAILURE: i32 = 120;

fn main() {
    let mut args = env::args_os();
    let name = args.next().unwrap_or_default();
    let name = Path::new(&name).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
    let args: Vec<_> = args.collect();
    let ended = match name.as_str() {
        "rustc" => record::rustc(&args),
        "exec" => record::exec(&args),
        "rustdoc" => record::rustdoc(&args),
        _ => command(&args),
    };
    match ended {
        Ok(code) => exit(code),
        Err(why) => {
            eprintln!("muster: {}", why);
            exit(OWN_FAILURE)
        }
    }
}

fn command(args: &[std::ffi::OsString]) -> Result<i32> {
    let words: Vec<&str> = args.iter().map(|arg| arg.to_str().unwrap_or_default()).collect();
    match words[..] {
        ["compile", request] => make::compile(&request::read(request)?),
        ["record", request] => make::record(&request::read(request)?),
        ["prune", _] => prune::prune(),
        ["list", request, to] => make::list(&request::read(request)?, to),
        ["run", request] => run::run(&request::read(request)?),
        _ => Err(format!("it does not know `{}`", words.join(" "))),
    }
}
