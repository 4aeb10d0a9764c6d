//! `muster tokens`: who may do what.

use serde_json::json;
use service::view::{MadeToken, NewToken, TokenView, Tokens};

use super::show::ago;
use super::{block_on, client};
use crate::args::{GlobalArgs, TokensCommand, TokensCreateArgs, TokensListArgs, TokensRevokeArgs};
use crate::commands::output::{columns, print, warn};
use crate::exit::Exit;

/// Lists, makes or revokes tokens.
///
/// # Errors
/// The server refuses, or cannot be reached.
pub(crate) fn run(global: &GlobalArgs, command: &TokensCommand) -> anyhow::Result<Exit> {
    match command {
        TokensCommand::List(args) => list(global, args)?,
        TokensCommand::Create(args) => create(global, args)?,
        TokensCommand::Revoke(args) => revoke(global, args)?,
    }
    Ok(Exit::Passed)
}

fn list(global: &GlobalArgs, args: &TokensListArgs) -> anyhow::Result<()> {
    let client = client(global, &args.server)?;
    let tokens: Tokens = block_on(async { Ok(client.get("/tokens").await?) })?;
    if args.json {
        return print(&serde_json::to_string(&tokens)?);
    }
    let rows: Vec<[String; 5]> = tokens.tokens.iter().map(row).collect();
    print(&columns(&rows))
}

fn row(token: &TokenView) -> [String; 5] {
    let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.word()).collect();
    let used = token.used.map_or_else(|| "never used".to_owned(), |at| format!("used {}", ago(at * 1000)));
    let ends = match token.expires {
        Some(at) => jiff::Timestamp::from_second(i64::try_from(at).unwrap_or(i64::MAX))
            .map_or_else(|_| "ends".to_owned(), |at| format!("ends {}", at.strftime("%Y-%m-%d %H:%M"))),
        None => "does not end".to_owned(),
    };
    [token.id.clone(), token.name.clone(), scopes.join(" "), used, ends]
}

fn create(global: &GlobalArgs, args: &TokensCreateArgs) -> anyhow::Result<()> {
    let client = client(global, &args.server)?;
    let life = args.expires.map(|life| life.0.as_secs());
    let wanted = NewToken { name: args.name.clone(), scopes: args.scope.clone(), expires_in_s: life };
    let made: MadeToken = block_on(async { Ok(client.post("/tokens", &wanted).await?) })?;
    if args.json {
        return print(&serde_json::to_string(&made)?);
    }
    warn(&format!("this is the only time that the token {} is shown", made.view.id));
    print(&made.token)
}

fn revoke(global: &GlobalArgs, args: &TokensRevokeArgs) -> anyhow::Result<()> {
    let client = client(global, &args.server)?;
    block_on(async { Ok(client.delete(&format!("/tokens/{}", args.id)).await?) })?;
    let told = format!("the token {} is good for nothing from now on", args.id);
    print(&if args.json { json!({ "revoked": args.id }).to_string() } else { told })
}
