//! `muster buildlet`.

use std::path::PathBuf;

use clap::Args;

use crate::config::units::{Size, Time};

const AFTER: &str = "\
Examples:
  muster buildlet                              on a free port of this machine only
  muster buildlet --listen 10.0.0.7:5936       for other machines; paste the printed URL behind --buildlet
  muster buildlet --password-file /etc/muster/password --tls-cert cert.pem --tls-key key.pem

The URL is printed on standard output: it holds the password and the certificate's fingerprint, so treat
it like one.";

/// `muster buildlet`.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = AFTER)]
pub struct BuildletArgs {
    /// Listen here; port 0 takes a free one [default: 127.0.0.1:0]
    #[arg(long, value_name = "ADDR", help_heading = "Serving")]
    pub listen: Option<String>,
    /// The name or address that others reach this machine by, for the printed URL
    #[arg(long, value_name = "HOST", help_heading = "Serving")]
    pub advertise: Option<String>,
    /// Write the URL here too, complete or not at all (mode 0600)
    #[arg(long, value_name = "PATH", help_heading = "Serving")]
    pub address_file: Option<PathBuf>,
    /// End when the process that started this one ends
    #[arg(long, help_heading = "Serving")]
    pub die_with_parent: bool,
    /// End, with all that was started here, when no coordinator was heard of for this long
    ///
    /// Every authenticated request counts, and with it a coordinator's heartbeat; a command that runs does not.
    #[arg(long, value_name = "TIME", value_parser = Time::parse, help_heading = "Serving")]
    pub orphan_after: Option<Time>,
    /// Remove this directory then, with all that is in it (repeatable); no other is removed
    #[arg(long, value_name = "DIR", requires = "orphan_after", help_heading = "Serving")]
    pub orphan_remove: Vec<PathBuf>,
    /// Where trees and commands live; without this a new folder that goes away at the end
    ///
    /// What must outlive a restart is kept beside it, in a folder of the same name with `.state` at its end.
    #[arg(long, value_name = "DIR", help_heading = "Serving")]
    pub work_dir: Option<PathBuf>,
    /// Announce nothing that Muster adds to x/build's protocol: coordinators then treat this as one of Go's buildlets
    #[arg(long, help_heading = "Serving")]
    pub no_additions: bool,

    /// Read the password from this file (mode 0600); without this a random one is made
    #[arg(long, value_name = "FILE", conflicts_with = "password_fd", help_heading = "Trust")]
    pub password_file: Option<PathBuf>,
    /// Read the password from this inherited descriptor
    #[arg(long, value_name = "N", help_heading = "Trust")]
    pub password_fd: Option<i32>,
    /// Serve with this certificate (PEM); without this one is made
    #[arg(long, value_name = "FILE", requires = "tls_key", help_heading = "Trust")]
    pub tls_cert: Option<PathBuf>,
    /// The key of that certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert", help_heading = "Trust")]
    pub tls_key: Option<PathBuf>,
    /// Serve plain HTTP: only where nobody else can listen in
    #[arg(long, conflicts_with_all = ["tls_cert", "tls_key"], help_heading = "Trust")]
    pub no_tls: bool,
    /// Let the coordinator have trees below this directory cloned into the work directory (repeatable); for buildlets
    /// on one machine
    #[arg(long, value_name = "DIR", help_heading = "Trust")]
    pub allow_clone_from: Vec<PathBuf>,

    /// The most output kept of one command; at this bound the command waits
    #[arg(long, value_name = "SIZE", value_parser = Size::parse, help_heading = "Bounds")]
    pub max_output: Option<Size>,
    /// The most commands kept until acknowledged, running ones included
    #[arg(long, value_name = "N", help_heading = "Bounds")]
    pub max_execs: Option<usize>,
}
