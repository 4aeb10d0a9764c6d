//! Style, scripts and pictures: part of the program, served under a name that changes with what is in them.

use std::sync::LazyLock;

use axum::response::{IntoResponse as _, Response};
use http::header;
use sha2::{Digest as _, Sha256};

use crate::api::InPath;
use crate::problem::Problem;

/// Digits of the digest in the path.
const DIGITS: usize = 16;
/// What is under such a name never changes.
const FOREVER: &str = "public, max-age=31536000, immutable";

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const PICTURE: &str = "image/svg+xml";

/// Name, media type, content.
const ASSETS: &[(&str, &str, &str)] = &[
    ("style.css", STYLE, include_str!("../../assets/style.css")),
    ("muster.js", SCRIPT, include_str!("../../assets/muster.js")),
    ("log.js", SCRIPT, include_str!("../../assets/log.js")),
    ("ansi.js", SCRIPT, include_str!("../../assets/ansi.js")),
    ("idle.svg", PICTURE, include_str!("../../assets/idle.svg")),
    ("running.svg", PICTURE, include_str!("../../assets/running.svg")),
    ("passed.svg", PICTURE, include_str!("../../assets/passed.svg")),
    ("failed.svg", PICTURE, include_str!("../../assets/failed.svg")),
    ("errored.svg", PICTURE, include_str!("../../assets/errored.svg")),
    ("canceled.svg", PICTURE, include_str!("../../assets/canceled.svg")),
];

/// The folder that pages name: `/assets/DIGEST`.
pub(super) fn folder() -> &'static str {
    static FOLDER: LazyLock<String> = LazyLock::new(|| {
        let mut hasher = Sha256::new();
        for (name, _, content) in ASSETS {
            hasher.update(name);
            hasher.update(content);
        }
        format!("/assets/{}", &hex::encode(hasher.finalize())[..DIGITS])
    });
    &FOLDER
}

/// One of them. Another digest than today's is of a page that was open when the program was replaced.
pub(super) async fn asset(InPath((digest, name)): InPath<(String, String)>) -> Result<Response, Problem> {
    let found = ASSETS.iter().find(|(known, ..)| *known == name);
    let Some((_, kind, content)) = found else {
        return Err(Problem::not_found(format!("there is no asset `{name}`"), "load the page again"));
    };
    let current = folder().ends_with(&digest) && digest.len() == DIGITS;
    let caching = if current { FOREVER } else { "no-store" };
    Ok(([(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, caching)], *content).into_response())
}
