//! Several pools as one.

use std::sync::Arc;

use engine::{BuildId, LeaseId, Machine, Role};
use pool::local::LocalSettings;
use pool::{AdoptRequest, Condition, LeaseRequest, LocalPool, Pool, PoolError, Pools};
use tokio_util::sync::CancellationToken;

use crate::processes::{agent, client};

#[tokio::test(flavor = "multi_thread")]
async fn each_type_goes_to_its_pool() {
    let state = tempfile::tempdir().unwrap();
    let local = |name: &str, host_type: &str| -> (String, Arc<dyn Pool>) {
        let settings = LocalSettings {
            name: name.to_owned(),
            count: 1,
            host_types: vec![host_type.to_owned()],
            client: client(),
            ..LocalSettings::new(agent(), state.path())
        };
        (name.to_owned(), Arc::new(LocalPool::new(settings).unwrap()))
    };
    let pools = Pools::new(vec![local("small", "s"), local("large", "l")]);
    let request = |lease, host_type: &str| LeaseRequest {
        lease: LeaseId(lease),
        build: BuildId(1),
        role: Role::Main,
        host_type: host_type.to_owned(),
    };
    let large = pools.acquire(request(1, "l"), CancellationToken::new()).await.unwrap();
    let small = pools.acquire(request(2, "s"), CancellationToken::new()).await.unwrap();
    assert_eq!((large.machine.pool.as_str(), small.machine.pool.as_str()), ("large", "small"));
    assert_eq!(pools.capacity("l").await.used, 1);
    pools.release(LeaseId(1), Condition::Sound).await;
    pools.acquire(request(3, "l"), CancellationToken::new()).await.unwrap();
    match pools.acquire(request(4, "xl"), CancellationToken::new()).await {
        Err(PoolError::CannotBuild { refusal, .. }) => {
            assert!(refusal.0.contains("`small`") && refusal.0.contains("`large`"), "{refusal}");
        }
        other => panic!("{other:?}"),
    }
    // Taking up goes by the name of the pool.
    let adopted = AdoptRequest { lease: LeaseId(1), build: BuildId(1), role: Role::Main, machine: large.machine };
    let known = pools.adopt(adopted.clone(), CancellationToken::new()).await.expect_err("it does not outlive its pool");
    assert!(matches!(known, PoolError::NotHeld { .. }), "{known}");
    let elsewhere = Machine { pool: "medium".to_owned(), ..small.machine };
    let elsewhere = AdoptRequest { machine: elsewhere, ..adopted };
    let unknown = pools.adopt(elsewhere, CancellationToken::new()).await.expect_err("there is no such pool");
    assert!(unknown.chain().contains("`medium`"), "{}", unknown.chain());
    pools.shutdown().await;
    assert!(std::fs::read_dir(state.path()).unwrap().next().is_none());
}
