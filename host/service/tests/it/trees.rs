//! Uploads: what is taken in is what its name says.

use http::Method;
use service::identity::Scope;

use crate::server::{answer, start};

#[tokio::test]
async fn a_tree_is_taken_in_once_and_only_as_what_it_is() -> anyhow::Result<()> {
    let server = start().await?;
    let client = server.client(Scope::Submit).await?;
    let digest = format!("sha256:{}", snapshot::Digest::of(b"a tree"));
    let put = |content: &'static [u8]| answer(client.request(Method::PUT, &format!("/trees/{digest}")).body(content));
    let head = || answer(client.request(Method::HEAD, &format!("/trees/{digest}")));
    let (status, told) = put(b"another tree").await?;
    assert_eq!((status, told["type"].as_str()), (422, Some("urn:muster:digest-mismatch")), "{told}");
    assert_eq!(head().await?.0, 404, "nothing of it stays");
    assert_eq!(put(b"a tree").await?.0, 201);
    assert_eq!(head().await?.0, 204);
    assert_eq!(put(b"a tree").await?.0, 204, "it was here already");
    Ok(())
}

#[tokio::test]
async fn a_tree_over_its_bound_is_refused() -> anyhow::Result<()> {
    let server = start().await?;
    let client = server.client(Scope::Submit).await?;
    let big = vec![7_u8; (1 << 20) + 1];
    let path = format!("/trees/sha256:{}", snapshot::Digest::of(&big));
    // Announced, and as it comes.
    let chunks =
        futures::stream::iter(big.chunks(64 << 10).map(|chunk| anyhow::Ok(chunk.to_vec())).collect::<Vec<_>>());
    for body in [reqwest::Body::from(big), reqwest::Body::wrap_stream(chunks)] {
        let (status, told) = answer(client.request(Method::PUT, &path).body(body)).await?;
        assert_eq!((status, told["type"].as_str()), (413, Some("urn:muster:too-large")), "{told}");
    }
    let (status, told) = answer(client.request(Method::PUT, "/trees/sha256:zz").body("x")).await?;
    assert_eq!((status, told["type"].as_str()), (400, Some("urn:muster:bad-request")), "{told}");
    Ok(())
}
