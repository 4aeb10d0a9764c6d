//! The span of the build itself.

use engine::{BuildFacts, Certificate, Outcome, RestartFacts};

use super::parts::Parts;
use super::{Attributes, Event, Origin, Span, Value, tally};

/// What everything in the trace is about.
pub(super) fn about(facts: &BuildFacts) -> Attributes {
    vec![
        ("cicd.pipeline.name", Value::Text(pipeline(facts))),
        ("cicd.pipeline.run.id", Value::Text(facts.spec.build.0.to_string())),
    ]
}

/// What runs again and again is a project's builder; a build is one run of it.
fn pipeline(facts: &BuildFacts) -> String {
    format!("{}/{}", facts.spec.project, facts.spec.builder)
}

pub(super) fn span(parts: &Parts<'_>, origin: &Origin<'_>, outcome: &Outcome, certificate: &Certificate) -> Span {
    let (facts, spec) = (parts.facts, &parts.facts.spec);
    let (word, cause) = (outcome.word(), outcome.cause());
    let mut attributes = about(facts);
    attributes.push(("cicd.pipeline.action.name", Value::Text("BUILD".to_owned())));
    let error = parts.end.tell("cicd.pipeline.result", &mut attributes);
    attributes.extend([
        ("muster.project", Value::text(&spec.project)),
        ("muster.builder", Value::text(&spec.builder)),
        ("muster.rev", Value::text(&spec.rev)),
        ("muster.outcome", Value::text(word)),
    ]);
    let texts = [
        ("muster.cause", cause),
        ("muster.version", origin.version.unwrap_or_default()),
        ("muster.trust", origin.trust),
        ("muster.by", origin.by),
    ];
    attributes
        .extend(texts.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name, Value::text(text))));
    if let Some(build) = origin.retry_of {
        attributes.push(("muster.retry_of", Value::Text(build.to_string())));
    }
    attributes.push(("muster.plugins", Value::Texts(plugins(facts))));
    attributes.push(("muster.plugin_faults", Value::count(facts.faults.len())));
    if let Some((_, reused)) = &facts.snapshot {
        attributes.push(("muster.snapshot.reused", Value::Flag(*reused)));
    }
    attributes.push(("muster.tests", Value::count(facts.tests.len())));
    tally::of_build(facts).tell(&mut attributes);
    attributes.extend([
        ("muster.tests.lower_bound", Value::Seconds(certificate.lower_bound.as_secs_f64())),
        ("muster.tests.aggregate", Value::Seconds(certificate.aggregate.as_secs_f64())),
        ("muster.machines", Value::Number(certificate.machines.into())),
    ]);
    Span {
        id: parts.ids.root(),
        parent: parts.ids.asked_in,
        name: format!("BUILD {}", pipeline(facts)),
        start: facts.submitted,
        end: parts.ended.max(facts.submitted),
        attributes,
        events: facts.restarts.iter().map(restarted).collect(),
        events_left_out: 0,
        error,
    }
}

/// Role, name and digest of each plugin that the build began with.
fn plugins(facts: &BuildFacts) -> Vec<String> {
    let one = |(role, plugin): &(String, engine::PluginRef)| format!("{role} {} {}", plugin.name, plugin.digest);
    facts.spec.plugins.iter().map(one).collect()
}

fn restarted(restart: &RestartFacts) -> Event {
    let attributes = vec![
        ("muster.machines.adopted", Value::count(restart.adopted.len())),
        ("muster.machines.given_up", Value::count(restart.given_up.len())),
    ];
    Event { at: restart.at, name: "coordinator restarted".to_owned(), attributes }
}
