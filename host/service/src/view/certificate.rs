//! Where the time of a build went.

use coordinator::view::Certificate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::seconds;

/// The lower bound on a build's time, the time it took, and where the difference went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CertificateView {
    /// No schedule on these machines could have been quicker.
    pub lower_bound_s: f64,
    /// What the tests took.
    pub took_s: f64,
    /// Where the difference went, biggest first.
    pub differences: Vec<DifferenceView>,
    /// The proof that each listed test has exactly one verdict.
    pub statement: String,
}

/// One cause of lost time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DifferenceView {
    /// In a word or two.
    pub label: String,
    /// How much.
    pub time_s: f64,
    /// In a sentence.
    pub text: String,
}

/// The certificate of a report.
pub fn certificate(certificate: &Certificate) -> CertificateView {
    let difference = |difference: &coordinator::view::Difference| DifferenceView {
        label: difference.label.clone(),
        time_s: seconds(difference.time),
        text: difference.text.clone(),
    };
    CertificateView {
        lower_bound_s: seconds(certificate.lower_bound),
        took_s: seconds(certificate.took),
        differences: certificate.differences.iter().map(difference).collect(),
        statement: certificate.statement.clone(),
    }
}
