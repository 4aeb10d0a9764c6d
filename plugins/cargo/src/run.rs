//! The command that runs some tests.

use muster_sdk::builder::Place;
use muster_sdk::types::{Command, Error, Test};

use crate::listing::NEXTEST;
use crate::names::place as place_of;
use crate::plan::Request;
use crate::settings::CargoSettings;

/// The command that runs exactly these tests, in this order.
pub(crate) fn run(settings: &CargoSettings, tests: &[Test], place: &Place) -> Result<Command, Error> {
    let mut request = Request::of(settings);
    // On the caller's machine as many buildlets run as it can bear; any other machine is one buildlet's.
    let threads = settings.threads.or(place.local.then_some(1));
    threads.iter().for_each(|threads| request.say("threads", &threads.to_string()));
    let mut binary = None;
    for test in tests {
        if binary != Some(&test.suite) {
            binary = Some(&test.suite);
            request.say("binary", &test.suite);
            let found = place_of(test);
            let found = found.ok_or_else(|| Error::Invalid(format!("`{}` is no test of this builder", test.name)))?;
            request.say(if test.merge_key.as_deref() == Some(NEXTEST) { "program" } else { "unit" }, found);
        }
        request.say("test", if test.case == test.suite { "" } else { &test.case });
    }
    Ok(request.command(place, "run"))
}

#[cfg(test)]
mod tests {
    use muster_sdk::builder;

    use super::*;
    use crate::names::listed;

    fn request(tests: &[Test], local: bool) -> String {
        let settings = CargoSettings::parse("").unwrap();
        let command = run(&settings, tests, &Place { local, ..builder::place("/h") }).unwrap();
        assert_eq!(command.argv, ["/h/tree/target/muster/runner", "run", "/h/attempt/request"]);
        String::from_utf8(command.files[0].1.clone()).unwrap()
    }

    #[test]
    fn tests_go_by_binary() {
        let by_nextest = Test { merge_key: Some(NEXTEST.into()), ..listed("b", "debug/deps/b-1", "t::u") };
        let tests =
            [listed("a::it", "00001", "x y"), listed("a::it", "00001", "z"), listed("a::own", "00002", ""), by_nextest];
        let expected = "tool auto\ndoc true\nthreads 1\nbinary a::it\nunit 00001\ntest x y\ntest z\n\
             binary a::own\nunit 00002\ntest \nbinary b\nprogram debug/deps/b-1\ntest t::u\n";
        assert_eq!(request(&tests, true), expected);
        assert!(!request(&tests, false).contains("threads"));
    }
}
