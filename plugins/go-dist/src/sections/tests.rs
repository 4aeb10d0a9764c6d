//! Headings and the environment, by the data of the coordinators of 2015 and 2021, and cuts at any byte.

use proptest::prelude::*;

use super::*;

const B: &str = "XXXBANNERXXX:";
const P: &str = "ok\tarchive/tar\t0.015s\nok\tarchive/zip\t0.406s\nok\tbufio\t0.075s\n";
const E: &str = "Test execution environment.\n# GOARCH: amd64\n# CPU: Intel(R) Xeon(R) W-2135 CPU @ 3.70GHz\n";
const M: &str = "##### Test execution environment.\n# GOARCH: amd64\n# CPU: Intel(R) Xeon(R) W-2135 CPU @ 3.70GHz";

/// Environment, headings, text.
#[derive(Debug, Default, PartialEq)]
struct Cut {
    environment: String,
    headings: Vec<String>,
    text: String,
}

fn cut(input: &[u8], unended: Unended, sizes: &[usize]) -> Cut {
    let mut cut = Cut::default();
    let mut text = Vec::new();
    let mut see = |piece: Piece<'_>| {
        match piece {
            Piece::Line(bytes) | Piece::Text(bytes) => text.extend_from_slice(bytes),
            Piece::Heading(heading) => cut.headings.push(heading),
            Piece::Environment(environment) => cut.environment = environment,
        }
        Seen::Text
    };
    let mut sections = Sections::new(B, unended);
    let mut rest = input;
    let mut sizes = sizes.iter().cycle();
    while !rest.is_empty() {
        let size = (*sizes.next().unwrap_or(&1)).clamp(1, rest.len());
        sections.push(&rest[..size], &mut see);
        rest = &rest[size..];
    }
    sections.finish(&mut see);
    cut.text = String::from_utf8_lossy(&text).into_owned();
    cut
}

fn check(unended: Unended, input: &str, environment: &str, heading: &str, text: &str) {
    let headings = if heading.is_empty() { vec![] } else { vec![heading.to_owned()] };
    let expected = Cut { environment: environment.into(), headings, text: text.into() };
    assert_eq!(cut(input.as_bytes(), unended, &[input.len().max(1)]), expected, "{input:?}");
}

/// `parseOutputAndBanner` of 2015.
#[test]
fn headings_of_2015() {
    let check = |input: &str, heading: &str, text: &str| check(Unended::Text, input, "", heading, text);
    check("\nXXXBANNERXXX:Testing packages.\nok  \ta\t0.1s\n", "Testing packages.", "ok  \ta\t0.1s\n");
    check("\nXXXBANNERXXX:Testing packages.", "", "Testing packages.");
    check("XXXBANNERXXX:x\ny", "", "XXXBANNERXXX:x\ny");
    check("ok\ta\n", "", "ok\ta\n");
}

/// `TestParseOutputAndHeader`.
#[test]
fn headings_and_environment() {
    const H: &str = "Testing packages.";
    let check = |input: String, environment, heading, text: &str| {
        check(Unended::Heading, &input, environment, heading, text);
    };
    check(format!("\n{B}Testing packages.\n{P}"), "", H, P);
    check(format!("\n{B}Testing packages.\n"), "", H, "");
    check(format!("\n{B}Testing packages."), "", H, "");
    check(P.to_owned(), "", "", P);
    let no_line_end = format!("{B}Testing packages.\n{P}");
    check(no_line_end.clone(), "", "", &no_line_end);
    let wrong = format!("\n##### Testing packages.\n{P}");
    check(wrong.clone(), "", "", &wrong);
    check(format!("\n{B}{E}\n{B}Testing packages.\n{P}"), M, H, P);
    check(format!("\n{B}{E}{B}Testing packages.\n{P}"), M, H, P);
    let no_second = format!("\n{B}{E}");
    check(no_second.clone(), "", "", &no_second);
    check(format!("\n{B}{E}\n{B}Testing packages.\n"), M, H, "");
    check(format!("\n{B}{E}\n{B}Testing packages."), M, H, "");
}

#[test]
fn the_last_words_are_taken_out() {
    let check = |input: &str, text: &str| check(Unended::Heading, input, "", "", text);
    check("ok\ta\n\nALL TESTS PASSED\n", "ok\ta\n");
    check("ok\ta\n\nALL TESTS PASSED (some were excluded)\n", "ok\ta\n");
    check("a\nALL TESTS PASSED\nb\n", "ab\n");
    check("\nALL TESTS PASSED\n\nALL TESTS PASSED\n", "\nALL TESTS PASSED\n");
    check("ALL TESTS PASSED\n", "ALL TESTS PASSED\n");
    check("a\nALL TESTS PASSED", "a\nALL TESTS PASSED");
    check("\nFAILED\n", "\nFAILED\n");
}

#[test]
fn several_headings_follow_each_other() {
    let input = format!("\n{B}{E}\n{B}Testing packages.\nok\ta\n\n{B}sync -cpu=10\nok\tsync\n");
    let found = cut(input.as_bytes(), Unended::Heading, &[7]);
    assert_eq!(found.headings, ["Testing packages.", "sync -cpu=10"]);
    assert_eq!(found.text, "ok\ta\nok\tsync\n");
}

#[test]
fn an_endless_note_is_text() {
    let long = format!("\n{B}{E}{}", "# x\n".repeat(NOTE_LIMIT / 4));
    assert_eq!(cut(long.as_bytes(), Unended::Heading, &[4096]).text, long);
}

proptest! {
    #[test]
    fn the_cut_does_not_matter(
        pieces in proptest::collection::vec(
            prop_oneof![
                Just(format!("\n{B}Testing packages.\n").into_bytes()),
                Just(format!("\n{B}{E}").into_bytes()),
                Just(P.as_bytes().to_vec()),
                Just(b"\nALL TESTS PASSED\n".to_vec()),
                Just(b"\n".to_vec()),
                Just(b"XXXBANNER".to_vec()),
                proptest::collection::vec(any::<u8>(), 0..20),
            ],
            0..8,
        ),
        sizes in proptest::collection::vec(1usize..40, 1..10),
        ended in any::<bool>(),
    ) {
        let input: Vec<u8> = pieces.concat();
        let unended = if ended { Unended::Heading } else { Unended::Text };
        prop_assert_eq!(cut(&input, unended, &[input.len().max(1)]), cut(&input, unended, &sizes));
    }
}
