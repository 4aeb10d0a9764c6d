//! What the plan decided and every later call needs.

use muster_sdk::builder::Purpose;
use muster_sdk::types::Error;

use crate::settings::Selection;

/// The note of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memo {
    pub(crate) selection: Selection,
    pub(crate) purpose: Purpose,
}

impl Memo {
    /// As it is handed to the host.
    pub(crate) fn to_text(self) -> String {
        let selection = match self.selection {
            Selection::Names => "names",
            Selection::Regexp => "regexp",
        };
        let purpose = match self.purpose {
            Purpose::TryBuild => "try-build",
            Purpose::PostSubmit => "post-submit",
        };
        format!("{selection} {purpose}")
    }

    /// As the host hands it back.
    pub(crate) fn read(text: &str) -> Result<Memo, Error> {
        let (selection, purpose) = text.split_once(' ').unwrap_or_default();
        let selection = match selection {
            "names" => Some(Selection::Names),
            "regexp" => Some(Selection::Regexp),
            _ => None,
        };
        let purpose = match purpose {
            "try-build" => Some(Purpose::TryBuild),
            "post-submit" => Some(Purpose::PostSubmit),
            _ => None,
        };
        let memo = selection.zip(purpose).map(|(selection, purpose)| Memo { selection, purpose });
        memo.ok_or_else(|| Error::Invalid("the memo is not this builder's".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_as_it_went() {
        for selection in [Selection::Names, Selection::Regexp] {
            for purpose in [Purpose::TryBuild, Purpose::PostSubmit] {
                let memo = Memo { selection, purpose };
                assert_eq!(Memo::read(&memo.to_text()).unwrap(), memo);
            }
        }
    }

    #[test]
    fn another_builders_is_refused() {
        for text in ["", "names", "names now", "cache try-build"] {
            assert!(Memo::read(text).is_err(), "{text}");
        }
    }
}
