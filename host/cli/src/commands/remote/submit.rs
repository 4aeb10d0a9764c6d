//! `muster submit`: brings a local tree to a server and asks for its build.

use report::text;
use report::trace::Parent;
use serde_json::json;
use service::problem::Kind;
use service::view::BuildView;
use service::{Submission, Trust};
use snapshot::source::FoundBy;

use super::wait::{create_log, wait};
use super::{block_on, client};
use crate::args::{GlobalArgs, SubmitArgs};
use crate::assemble::{listing, project_name, tree_folder, written};
use crate::client::{Client, ServerError, pack};
use crate::commands::output::{print_beside, warn};
use crate::config::tree::TreeFile;
use crate::exit::{Exit, UsageError};

/// Submits a build, and waits for it if that is asked for.
///
/// # Errors
/// The tree cannot be packed, or the server refuses it or cannot be reached.
pub(crate) fn run(global: &GlobalArgs, args: &SubmitArgs) -> anyhow::Result<Exit> {
    let written = &args.written;
    if !args.wait && (written.junit.is_some() || written.report.is_some() || written.log.is_some()) {
        let what = "`--junit`, `--report` and `--log` are written when the build is over";
        return Err(UsageError::new(what, "add `--wait`, or ask for them later: `muster logs ID`").into());
    }
    let client = client(global, &args.server)?;
    // What cannot be written is told before anything is begun.
    let log = args.written.log.as_deref().map(create_log).transpose()?;
    block_on(async {
        let view = submit(global, args, &client).await?;
        let id = view.item.id;
        let page = format!("{}/builds/{id}", client.url());
        if args.json {
            let url = format!("{}/api/v1/builds/{id}", client.url());
            let (project, builder) = (view.item.project, view.item.builder);
            let submitted = json!({ "id": id, "url": url, "page": page, "project": project, "builder": builder });
            print_beside(&submitted.to_string())?;
        } else if args.wait {
            warn(&format!("build {id}: {page}"));
        } else {
            print_beside(&id.to_string())?;
            if !global.quiet {
                warn(&format!("build {id}: {page}"));
            }
        }
        if args.wait { wait(global, args, &client, id, log).await } else { Ok(Exit::Passed) }
    })
}

async fn submit(global: &GlobalArgs, args: &SubmitArgs, client: &Client) -> anyhow::Result<BuildView> {
    let tree = tree_folder(&args.wanted.path)?;
    let project = match &args.project {
        Some(project) => project.clone(),
        None => TreeFile::find(&tree)?.config.project.unwrap_or_else(|| project_name(&tree)),
    };
    let say = |text: String| {
        if !global.quiet {
            warn(&text);
        }
    };
    let listing = listing(&tree, written(&args.written, &tree)).await?;
    if let FoundBy::Walk(why) = &listing.found_by {
        say(format!("everything in the tree is sent: {why}"));
    }
    let version = match &listing.found_by {
        FoundBy::Git(git) => git.describe.clone().or_else(|| git.commit.clone()),
        FoundBy::Walk(_) => None,
    };
    let files = listing.files.len() as u64;
    let packed = pack(listing).await?;
    let submission = submission(args, packed.digest.clone(), project, version);
    // Most trees were sent before; and what is refused is refused before anything is sent.
    match ask(args, client, &submission).await {
        Err(error) if error.is(Kind::TreeMissing) => {}
        answer => return Ok(answer?),
    }
    let bytes = packed.bytes;
    packed.upload(client).await?;
    say(format!("sent {}, {} packed", text::plural(files, "file"), text::bytes(bytes)));
    Ok(ask(args, client, &submission).await?)
}

async fn ask(args: &SubmitArgs, client: &Client, submission: &Submission) -> Result<BuildView, ServerError> {
    // The step of a job that runs this command says so here, if it is traced.
    let asked_in = std::env::var("TRACEPARENT").ok().filter(|parent| Parent::parse(parent).is_some());
    let headers = [("idempotency-key", args.idempotency_key.as_deref()), ("traceparent", asked_in.as_deref())];
    let headers: Vec<_> = headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    client.post_with("/builds", &headers, submission).await
}

fn submission(args: &SubmitArgs, tree: String, project: String, version: Option<String>) -> Submission {
    let wanted = &args.wanted;
    Submission {
        tree,
        project: Some(project),
        version,
        builder: wanted.builder.clone(),
        run: wanted.run.clone(),
        helpers: wanted.helpers,
        retries: wanted.retries,
        keep_going: wanted.keeps_going(),
        fresh: wanted.fresh,
        timeout_s: wanted.timeout.map(|timeout| timeout.0.as_secs().max(1)),
        policy: wanted.policy.clone(),
        estimator: wanted.estimator.clone(),
        pool: wanted.pool.clone(),
        priority: args.priority,
        trust: if args.trusted { Trust::Trusted } else { Trust::Try },
        ..Submission::default()
    }
}
