//! The builder role: a store of its own for each call.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coordinator::ports::{
    BuildPlan, Builder, BuilderConfig, Command, Listing, Place, Purpose, Source, SourceFile, Step, TestPlan,
};
use engine::{PluginFault, PluginRef, Test};
use futures::FutureExt as _;

use super::answer::{command, name};
use super::builder_check as check;
use super::convert::{command_from_wit, end_to_wit, error_text, test_from_wit, tests_to_wit};
use crate::bindings::exports::muster::builder::builder as wit;
use crate::live::Bind;
use crate::registry::Generation;
use crate::role::Role;

/// Bytes of input that count as one thing where a call's time grows with its size: a listed test's line.
const BYTES_PER_THING: usize = 100;

/// A generation as a builder.
struct BuilderPlugin {
    generation: Arc<Generation>,
    settings: String,
}

impl Generation {
    /// As a builder, if it is one; with these settings (JSON) or its own.
    pub fn builder(self: &Arc<Generation>, settings: Option<String>) -> Option<Arc<dyn Builder>> {
        self.has(Role::Builder).then(|| {
            let settings = settings.unwrap_or_else(|| self.settings.clone());
            Arc::new(BuilderPlugin { generation: Arc::clone(self), settings }) as Arc<dyn Builder>
        })
    }
}

const BIND: Bind<wit::Guest> =
    |indices, store, instance| indices.builder.as_ref().expect("only asked of builders").load(store, instance);

impl BuilderPlugin {
    fn limit(&self, things: usize) -> (Role, Duration) {
        (Role::Builder, self.generation.limits.builder.time.of(things))
    }

    fn checked<T>(&self, answer: T, rule: Result<(), String>) -> Result<T, PluginFault> {
        rule.map(|()| answer).map_err(|rule| self.generation.bad_answer(&rule))
    }

    fn accepted<T>(&self, answer: Result<T, wit::Error>) -> Result<T, PluginFault> {
        answer.map_err(|error| self.generation.refused(&error_text(&error)))
    }
}

#[async_trait]
impl Builder for BuilderPlugin {
    fn plugin(&self) -> &PluginRef {
        self.generation.reference()
    }

    fn settings(&self) -> &str {
        &self.settings
    }

    async fn configure(&self) -> Result<Vec<BuilderConfig>, PluginFault> {
        let settings = self.settings.clone();
        let answer = self
            .generation
            .once(self.limit(0), BIND, move |store, guest| {
                async move { guest.call_configure(store, &settings).await }.boxed()
            })
            .await?;
        let configs = self.accepted(answer)?;
        let rule = check::configs(&configs);
        Ok(self.checked(configs, rule)?.into_iter().map(config_from_wit).collect())
    }

    async fn detect(&self, files: &[SourceFile]) -> Result<Option<String>, PluginFault> {
        let settings = self.settings.clone();
        let limit = self.limit(things(files));
        let files = files_to_wit(files);
        let found = self
            .generation
            .once(limit, BIND, move |store, guest| {
                async move { guest.call_detect(store, &files, &settings).await }.boxed()
            })
            .await?;
        let rule = found.as_deref().map_or(Ok(()), |found| name("the detected builder", found));
        self.checked(found, rule)
    }

    async fn plan(&self, builder: &str, source: &Source, place: &Place) -> Result<BuildPlan, PluginFault> {
        let (builder, settings) = (builder.to_owned(), self.settings.clone());
        let limit = self.limit(things(&source.files) + things(&source.found));
        let (source, place) = (source_to_wit(source), place_to_wit(place));
        let answer = self
            .generation
            .once(limit, BIND, move |store, guest| {
                async move { guest.call_plan(store, &builder, &settings, &source, &place).await }.boxed()
            })
            .await?;
        let plan = self.accepted(answer)?;
        let rule = check::plan(&plan);
        Ok(plan_from_wit(self.checked(plan, rule)?))
    }

    async fn tests(&self, builder: &str, memo: &str, listing: Listing) -> Result<Vec<Test>, PluginFault> {
        let (builder, settings, memo) = (builder.to_owned(), self.settings.clone(), memo.to_owned());
        let bytes = listing.output.len() + listing.files.iter().map(|(_, content)| content.len()).sum::<usize>();
        let limit = self.limit(bytes / BYTES_PER_THING);
        let listing = wit::Listing { output: listing.output, exit: end_to_wit(&listing.end), files: listing.files };
        let answer = self
            .generation
            .once(limit, BIND, move |store, guest| {
                async move { guest.call_tests(store, &builder, &settings, &memo, &listing).await }.boxed()
            })
            .await?;
        let tests = self.accepted(answer)?;
        let rule = check::tests(&tests);
        Ok(self.checked(tests, rule)?.into_iter().map(test_from_wit).collect())
    }

    async fn run(&self, builder: &str, memo: &str, tests: &[Test], place: &Place) -> Result<Command, PluginFault> {
        let (builder, settings, memo) = (builder.to_owned(), self.settings.clone(), memo.to_owned());
        let limit = self.limit(tests.len());
        let (tests, place) = (tests_to_wit(tests), place_to_wit(place));
        let answer = self
            .generation
            .once(limit, BIND, move |store, guest| {
                async move { guest.call_run(store, &builder, &settings, &memo, &tests, &place).await }.boxed()
            })
            .await?;
        let run = self.accepted(answer)?;
        let rule = command(&run);
        Ok(command_from_wit(self.checked(run, rule)?))
    }
}

/// How much a call about these files is about.
fn things(files: &[SourceFile]) -> usize {
    let bytes: usize = files.iter().filter_map(|file| file.content.as_ref()).map(Vec::len).sum();
    files.len() + bytes / BYTES_PER_THING
}

fn files_to_wit(files: &[SourceFile]) -> Vec<wit::SourceFile> {
    files.iter().map(|file| wit::SourceFile { path: file.path.clone(), content: file.content.clone() }).collect()
}

fn source_to_wit(source: &Source) -> wit::Source {
    wit::Source {
        project: source.project.clone(),
        purpose: match source.purpose {
            Purpose::TryBuild => wit::Purpose::TryBuild,
            Purpose::PostSubmit => wit::Purpose::PostSubmit,
        },
        rev: source.rev.clone(),
        version: source.version.clone(),
        files: files_to_wit(&source.files),
        env: source.env.clone(),
        found: files_to_wit(&source.found),
        origin: source.origin.clone(),
    }
}

fn place_to_wit(place: &Place) -> wit::Place {
    wit::Place {
        work_dir: place.work_dir.clone(),
        tree: place.tree.clone(),
        attempt_dir: place.attempt_dir.clone(),
        os: place.os.clone(),
        arch: place.arch.clone(),
        host_type: place.host_type.clone(),
        local: place.local,
    }
}

fn config_from_wit(config: wit::BuilderConfig) -> BuilderConfig {
    BuilderConfig {
        name: config.name,
        description: config.description,
        os: config.os,
        arch: config.arch,
        make_host_type: config.make_host_type,
        test_host_type: config.test_host_type,
        helpers: config.helpers,
        root: config.root,
        env: config.env,
        parser: config.parser,
        exec_overhead: Duration::from_nanos(config.exec_overhead),
        keep_going: config.keep_going,
        look_at_env: config.look_at_env,
        look_at: config.look_at,
        try_only: config.try_only,
        owner: config.owner,
        notes: config.notes,
        log: check::log_format(&config.extra).unwrap_or_default(),
    }
}

fn plan_from_wit(plan: wit::BuildPlan) -> BuildPlan {
    let step = |step: wit::Step| Step { name: step.name, command: command_from_wit(step.command) };
    BuildPlan {
        make: plan.make.into_iter().map(step).collect(),
        clean: plan.clean,
        tests: match plan.tests {
            wit::TestPlan::Listed(list) => TestPlan::Listed(command_from_wit(list)),
            wit::TestPlan::OneCommand(all) => TestPlan::OneCommand(command_from_wit(all)),
        },
        memo: plan.memo,
    }
}
