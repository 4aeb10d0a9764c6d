//! What builds run with: plugins, pools, and the programs that they need here.

use std::collections::BTreeSet;

use super::finding::Findings;
use super::run::failure;
use crate::assemble::{PoolChoice, PoolGround, machines};
use crate::bundle::{self, BUNDLE};
use crate::commands::kept::Scratch;
use crate::config::find::Kept;
use crate::config::host::HostFile;
use crate::config::tree::TreeConfig;
use crate::plugins::{Loading, load};

/// Looks at all of them.
pub(super) async fn look(findings: &mut Findings, host: &HostFile, kept: &Kept) {
    git(findings);
    // What a pool notes, and plugins' values, are those of the service: nothing here touches them.
    let scratch = match Scratch::over(kept) {
        Ok(scratch) => scratch,
        Err(error) => return failure(findings, "plugins", &error),
    };
    let own = &scratch.kept;
    let tree = TreeConfig::default();
    let registry = match load(Loading { host, tree: &tree, files: &[], kept: own }).await {
        Ok(registry) => registry,
        Err(error) => return failure(findings, "plugins", &error),
    };
    if BUNDLE.is_empty() {
        findings.warning("plugins", "none is bundled", bundle::EMPTY);
    } else {
        findings.ok("plugins", format!("{} can be used", registry.describe().len()));
    }
    let named = host.config.pool.keys().map(String::as_str);
    let names: BTreeSet<&str> = named.chain([host.config.build.pool.as_str()]).collect();
    for name in names {
        let about = format!("pool {name}");
        let ground = PoolGround { host, kept: own, helpers: None, survival: None };
        match machines(&PoolChoice::Named(name.to_owned()), ground, &registry).await {
            Err(error) => failure(findings, &about, &error),
            Ok(opened) => {
                for note in &opened.notes {
                    findings.warning(&about, note.clone(), "");
                }
                let most = opened.pool.capacity("").await.total;
                let most = most.map_or_else(|| "machines on demand".to_owned(), |most| format!("{most} machines"));
                findings.ok(&about, format!("it can be opened: {most}"));
                opened.pool.shutdown().await;
            }
        }
    }
}

/// Trees under version control are listed by git.
fn git(findings: &mut Findings) {
    match std::process::Command::new("git").arg("--version").output() {
        Ok(output) if output.status.success() => {
            findings.ok("git", String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        Ok(_) | Err(_) => findings.warning(
            "git",
            "it cannot be run",
            "`muster submit` and `muster build` ask it which files of a tree under git are its own: install git",
        ),
    }
}
