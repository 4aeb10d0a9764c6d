//! Under which key the made tree is kept: everything that a make can depend on, as far as it is known beforehand.

use std::collections::BTreeMap;

use coordinator::ports::{BuildPlan, Builder, BuilderConfig, Source};
use snapshot::key::{SnapshotInputs, SnapshotKey, TrustDomain};

/// What a snapshot is named by.
pub(crate) struct KeyParts<'a> {
    /// The digest of what is pushed.
    pub(crate) tree: snapshot::Digest,
    /// The builder plugin, with the settings of tree and host.
    pub(crate) builder: &'a dyn Builder,
    /// The builder.
    pub(crate) config: &'a BuilderConfig,
    /// What its plan is made from.
    pub(crate) source: &'a Source,
    /// Its plan for a machine that nobody knows yet.
    pub(crate) plan: &'a BuildPlan,
    /// Whose work it is.
    pub(crate) domain: TrustDomain,
}

impl KeyParts<'_> {
    /// The key.
    pub(crate) fn key(self) -> SnapshotKey {
        let KeyParts { tree, builder, config, source, plan, domain } = self;
        let found: Vec<_> = source.found.iter().map(|file| (&file.path, &file.content)).collect();
        // In one fixed form. The settings are there although the plan follows from them: on another machine it may
        // follow otherwise.
        let configuration = format!("{config:?}\n{}\n{found:?}\n{:?}", builder.settings(), source.origin);
        let environment: BTreeMap<String, String> = config.env.iter().chain(&source.env).cloned().collect();
        let inputs = SnapshotInputs {
            source: tree,
            configuration: &configuration,
            environment: &environment,
            plugin: snapshot::Digest::of(builder.plugin().digest.as_bytes()),
            // What version control says of the tree is no part of what is pushed; of it the steps have what counts.
            steps: &format!("{:?}\n{:?}", plan.make, plan.clean),
        };
        SnapshotKey {
            project: source.project.clone(),
            builder: config.name.clone(),
            host_type: config.make_host_type.clone(),
            digest: inputs.digest(),
            domain,
        }
    }
}
