//! `[[rule]]`: which plugins and settings some builds of a service use that others do not.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One rule of `muster serve`; `muster build` has none. It holds for builds that everything in it fits; of several that
/// hold, the later one wins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct RuleSection {
    /// Only builds of this project.
    pub project: Option<String>,
    /// Only builds of this builder.
    pub builder: Option<String>,
    /// Only this share of the builds, from 0 to 1, drawn from the build's number: one build is always on one side.
    pub share: Option<f64>,
    /// The policy plugin.
    pub policy: Option<String>,
    /// The estimator plugin.
    pub estimator: Option<String>,
    /// Settings of plugins, laid over those of `[plugins.NAME.settings]`.
    pub settings: BTreeMap<String, toml::Table>,
}

impl RuleSection {
    /// Whether the rule holds for a build. A builder that is not known yet fits none that is named.
    pub fn holds(&self, project: &str, builder: Option<&str>, build: u64) -> bool {
        let fits =
            |wanted: &Option<String>, is: Option<&str>| wanted.as_deref().is_none_or(|wanted| is == Some(wanted));
        fits(&self.project, Some(project))
            && fits(&self.builder, builder)
            && self.share.is_none_or(|share| drawn(build) < share)
    }
}

/// A number from 0 to 1 that is the build's own, and evenly spread over builds in a row.
fn drawn(build: u64) -> f64 {
    // The golden ratio's multiples fill the circle evenly, however many there are (Weyl's equidistribution).
    let turned = build.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (turned >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_share_of_any_hundred_builds() {
        let rule = RuleSection { share: Some(0.1), ..RuleSection::default() };
        for first in [1, 777, 100_000] {
            let held = (first..first + 100).filter(|build| rule.holds("app", None, *build)).count();
            assert!((8..=12).contains(&held), "{held} of 100");
        }
        let never = RuleSection { share: Some(0.0), ..RuleSection::default() };
        let always = RuleSection { share: Some(1.0), ..RuleSection::default() };
        assert!((1..1000).all(|build| !never.holds("a", None, build) && always.holds("a", None, build)));
    }

    #[test]
    fn everything_that_is_named_must_fit() {
        let rule = RuleSection { project: Some("app".into()), builder: Some("race".into()), ..RuleSection::default() };
        assert!(rule.holds("app", Some("race"), 1));
        assert!(!rule.holds("app", None, 1) && !rule.holds("lib", Some("race"), 1));
    }
}
