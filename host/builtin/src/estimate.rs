//! The built-in estimator's arithmetic: medians and deviations of observed durations.

use std::time::Duration;

/// What a test is taken for when nothing at all is known of it.
pub const PRIOR: Duration = Duration::from_millis(100);

/// The middle of the durations (the mean of the two middle ones of an even number); none of an empty list.
pub fn median(durations: &[Duration]) -> Option<Duration> {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2),
    }
}

/// The standard deviation of the durations around their mean; zero of fewer than two.
pub fn standard_deviation(durations: &[Duration]) -> Duration {
    if durations.len() < 2 {
        return Duration::ZERO;
    }
    let count = durations.len() as u128;
    let mean = durations.iter().map(Duration::as_nanos).sum::<u128>() / count;
    let variance = durations.iter().map(|d| d.as_nanos().abs_diff(mean).pow(2)).sum::<u128>() / (count - 1);
    Duration::from_nanos(u64::try_from(variance.isqrt()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn median_is_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[ms(5)]), Some(ms(5)));
        assert_eq!(median(&[ms(9), ms(1), ms(5)]), Some(ms(5)));
        assert_eq!(median(&[ms(4), ms(1), ms(9), ms(2)]), Some(ms(3)));
    }

    #[test]
    fn deviation_is_of_the_sample() {
        assert_eq!(standard_deviation(&[ms(7)]), Duration::ZERO);
        assert_eq!(standard_deviation(&[ms(2), ms(4), ms(4), ms(4), ms(5), ms(5), ms(7), ms(9)]).as_millis(), 2);
    }
}
