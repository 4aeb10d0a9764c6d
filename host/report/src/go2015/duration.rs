//! A length of time as Go prints one.

use std::time::Duration;

/// `1m2.5s`, `12.345ms`, `0s`: hours and minutes where there are any, the smallest unit above one, and no zeros at the
/// end of a fraction.
pub(super) fn go_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    match nanos {
        0 => "0s".to_owned(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => format!("{}µs", fraction(nanos, 1_000)),
        1_000_000..1_000_000_000 => format!("{}ms", fraction(nanos, 1_000_000)),
        _ => {
            let (minutes, rest) = (nanos / 60_000_000_000, nanos % 60_000_000_000);
            let seconds = format!("{}s", fraction(rest, 1_000_000_000));
            match (minutes / 60, minutes % 60) {
                (0, 0) => seconds,
                (0, minutes) => format!("{minutes}m{seconds}"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
            }
        }
    }
}

fn fraction(value: u128, unit: u128) -> String {
    let digits = unit.ilog10() as usize;
    let text = format!("{}.{:0digits$}", value / unit, value % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_go_prints_them() {
        let cases = [
            (0, "0s"),
            (7, "7ns"),
            (1_100, "1.1µs"),
            (2_200_000, "2.2ms"),
            (859_445_000, "859.445ms"),
            (3_300_000_000, "3.3s"),
            (60_000_000_000, "1m0s"),
            (83_456_789_000, "1m23.456789s"),
            (4 * 3_600_000_000_000 + 5 * 60_000_000_000 + 1_000_000, "4h5m0.001s"),
        ];
        for (nanos, text) in cases {
            assert_eq!(go_duration(Duration::from_nanos(nanos)), text);
        }
    }
}
