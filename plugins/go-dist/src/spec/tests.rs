//! The builder table of 2015, column by column, and the rules of `BuildConfig`.

use super::*;
use crate::table::ROWS;

/// Name, host type, machine type, helpers, script, where it is built (T: in the try list, O: only there), environment.
const TABLE: &str = "\
freebsd-amd64-gce93|freebsd-amd64-gce93|n1-highcpu-2|3|src/all.bash||
freebsd-amd64-gce101|freebsd-amd64-gce101|n1-highcpu-2|3|src/all.bash|T|CC=clang
freebsd-amd64-race|freebsd-amd64-gce101|n1-highcpu-4|0|src/race.bash||CC=clang
freebsd-386-gce101|freebsd-amd64-gce101|n1-highcpu-2|0|src/all.bash|T|GOARCH=386 CC=clang
linux-386|linux-buildlet-std|n1-highcpu-2|3|src/all.bash|T|GOROOT_BOOTSTRAP=/go1.4 GOARCH=386 GOHOSTARCH=386
linux-386-387|linux-buildlet-std|n1-highcpu-2|0|src/all.bash||GOROOT_BOOTSTRAP=/go1.4 GOARCH=386 GOHOSTARCH=386 GO386=387
linux-amd64|linux-buildlet-std|n1-highcpu-2|3|src/all.bash|T|GOROOT_BOOTSTRAP=/go1.4
all-compile|linux-buildlet-std|n1-highcpu-16|0|src/buildall.bash|TO|GOROOT_BOOTSTRAP=/go1.4
linux-amd64-nocgo|linux-buildlet-std|n1-highcpu-2|0|src/all.bash||GOROOT_BOOTSTRAP=/go1.4 CGO_ENABLED=0 USER=root
linux-amd64-noopt|linux-buildlet-std|n1-highcpu-2|0|src/all.bash||GOROOT_BOOTSTRAP=/go1.4 GO_GCFLAGS=-N -l
linux-amd64-race|linux-buildlet-std|n1-highcpu-4|0|src/race.bash|T|GOROOT_BOOTSTRAP=/go1.4
linux-386-clang|linux-buildlet-clang|n1-highcpu-2|0|src/all.bash||GOROOT_BOOTSTRAP=/go1.4 CC=/usr/bin/clang GOHOSTARCH=386
linux-amd64-clang|linux-buildlet-clang|n1-highcpu-2|0|src/all.bash||GOROOT_BOOTSTRAP=/go1.4 CC=/usr/bin/clang
linux-386-sid|linux-buildlet-sid|n1-highcpu-2|0|src/all.bash||GOROOT_BOOTSTRAP=/go1.4 GOHOSTARCH=386
linux-amd64-sid|linux-buildlet-sid|n1-highcpu-2|0|src/all.bash||GOROOT_BOOTSTRAP=/go1.4
linux-arm-qemu|linux-buildlet-arm|n1-highcpu-2|0|src/all.bash||GOROOT_BOOTSTRAP=/go1.4 IN_QEMU=1
linux-arm|linux-arm|n1-highcpu-2|0|src/all.bash||GOROOT_BOOTSTRAP=/usr/local/go
linux-arm-shard_test|linux-arm|n1-highcpu-2|0|src/all.bash|TO|GOROOT_BOOTSTRAP=/usr/local/go GOTESTONLY=^test$
linux-arm-shard_std_am|linux-arm|n1-highcpu-2|0|src/all.bash|TO|GOROOT_BOOTSTRAP=/usr/local/go GOTESTONLY=^go_test:[a-m]
linux-arm-shard_std_nz|linux-arm|n1-highcpu-2|0|src/all.bash|TO|GOROOT_BOOTSTRAP=/usr/local/go GOTESTONLY=^go_test:[n-z]
linux-arm-shard_runtimecpu|linux-arm|n1-highcpu-2|0|src/all.bash|TO|GOROOT_BOOTSTRAP=/usr/local/go GOTESTONLY=^runtime:cpu124$
linux-arm-shard_cgotest|linux-arm|n1-highcpu-2|0|src/all.bash|TO|GOROOT_BOOTSTRAP=/usr/local/go GOTESTONLY=^cgo_test$
linux-arm-shard_misc|linux-arm|n1-highcpu-2|0|src/all.bash|TO|GOROOT_BOOTSTRAP=/usr/local/go GOTESTONLY=!^(go_test:|test$|cgo_test$|runtime:cpu124$)
linux-arm-arm5|linux-arm-arm5|n1-highcpu-2|0|src/all.bash||GOROOT_BOOTSTRAP=/usr/local/go GOARM=5 GO_TEST_TIMEOUT_SCALE=5
nacl-386|linux-buildlet-nacl-v2|n1-highcpu-2|0|src/nacltest.bash|T|GOROOT_BOOTSTRAP=/go1.4 GOOS=nacl GOARCH=386 GOHOSTOS=linux GOHOSTARCH=amd64
nacl-amd64p32|linux-buildlet-nacl-v2|n1-highcpu-2|0|src/nacltest.bash|T|GOROOT_BOOTSTRAP=/go1.4 GOOS=nacl GOARCH=amd64p32 GOHOSTOS=linux GOHOSTARCH=amd64
openbsd-amd64-gce56|openbsd-amd64-56|n1-highcpu-2|3|src/all.bash|T|
openbsd-386-gce56|openbsd-386-56|n1-highcpu-2|3|src/all.bash|T|
plan9-386|plan9-386-v2|n1-highcpu-2|5|src/all.rc|T|
windows-amd64-gce|windows-buildlet-v2|n1-highcpu-2|3|src/all.bat|T|GOARCH=amd64 GOHOSTARCH=amd64
windows-amd64-race|windows-buildlet-v2|n1-highcpu-4|0|src/race.bat||GOARCH=amd64 GOHOSTARCH=amd64
windows-386-gce|windows-buildlet-v2|n1-highcpu-2|3|src/all.bat|T|GOARCH=386 GOHOSTARCH=386
darwin-amd64-10_10|darwin-amd64-10_10|n1-highcpu-2|1|src/all.bash|T|
darwin-arm-a5ios|darwin-arm-a5ios|n1-highcpu-2|0|src/iostest.bash||GOARCH=arm GOHOSTARCH=amd64
darwin-arm64-a7ios|darwin-arm64-a7ios|n1-highcpu-2|0|src/iostest.bash||GOARCH=arm64 GOHOSTARCH=amd64
";

fn spec(name: &str) -> Spec {
    let row = ROWS.iter().find(|row| row.name == name).unwrap();
    let mut spec = Spec::of(row, name);
    for (name, value) in row.env {
        spec.set(name, value);
    }
    spec
}

#[test]
fn every_builder_is_as_the_table_has_it() {
    assert_eq!(TABLE.lines().count(), ROWS.len());
    for (line, row) in TABLE.lines().zip(ROWS) {
        let spec = spec(row.name);
        let tried = [(row.tried, "T"), (row.try_only, "O")].into_iter().filter(|(set, _)| *set).map(|(_, c)| c);
        let env: Vec<String> = spec.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let told = [
            spec.name.as_str(),
            spec.buildlet_type(),
            row.machine_type,
            &row.helpers.to_string(),
            spec.all_script(),
            &tried.collect::<String>(),
            &env.join(" "),
        ];
        assert_eq!(told.join("|"), line);
    }
    assert_eq!(ROWS.iter().filter(|row| row.tried).count(), 20);
}

/// `TestOSARCHAccessors`.
#[test]
fn a_name_begins_with_system_and_architecture() {
    for row in ROWS {
        let spec = spec(row.name);
        let (os, arch) = (spec.goos(), spec.goarch());
        assert!(!os.is_empty() && !arch.is_empty() && !arch.contains('-'), "{}", row.name);
        let start = format!("{os}-{arch}");
        assert!(row.name == start || row.name.starts_with(&format!("{start}-")), "{}", row.name);
    }
    for (name, os, arch) in [
        ("all-compile", "all", "compile"),
        ("nacl-amd64p32", "nacl", "amd64p32"),
        ("linux-arm-shard_test", "linux", "arm"),
    ] {
        assert_eq!((spec(name).goos(), spec(name).goarch()), (os, arch));
    }
}

#[test]
fn the_split_path_is_that_of_the_usual_scripts() {
    let whole: Vec<&str> = ROWS.iter().filter(|row| !spec(row.name).is_split()).map(|row| row.name).collect();
    let expected = [
        "freebsd-amd64-race",
        "all-compile",
        "linux-amd64-race",
        "nacl-386",
        "nacl-amd64p32",
        "windows-amd64-race",
        "darwin-arm-a5ios",
        "darwin-arm64-a7ios",
    ];
    assert_eq!(whole, expected);
}

#[test]
fn scripts_follow_the_system() {
    for (name, make, run, args, goroot) in [
        ("linux-amd64", "src/make.bash", "src/run.bash", &[][..], "/usr/local/go"),
        ("windows-386-gce", "src/make.bat", "src/run.bat", &[], "c:\\go"),
        ("plan9-386", "src/make.rc", "src/run.rc", &[], "/usr/local/go"),
        ("darwin-arm64-a7ios", "src/make.bash", "src/run.bash", &["-restart"], "/usr/local/go"),
    ] {
        let spec = spec(name);
        assert_eq!((spec.make_script(), spec.run_script(), spec.goroot_final()), (make, run, goroot), "{name}");
        assert_eq!(spec.script_args(), args, "{name}");
    }
    assert_eq!(spec("windows-amd64-gce").join(&["go", "bin", "go"]), "go\\bin\\go");
    assert_eq!(spec("linux-amd64").join(&["/w", "", "../go"]), "/w//../go");
}

#[test]
fn machines_and_what_they_fetch() {
    for (name, machine, buildlet, bootstrap) in [
        ("linux-amd64", "linux-amd64", "linux-amd64", None),
        ("linux-386", "linux-amd64", "linux-amd64", None),
        ("linux-arm-shard_test", "linux-arm", "linux-arm", None),
        ("all-compile", "linux-amd64", "linux-amd64", None),
        ("nacl-amd64p32", "linux-amd64", "linux-amd64", None),
        ("freebsd-386-gce101", "freebsd-amd64", "freebsd-amd64", Some("freebsd-amd64")),
        ("windows-386-gce", "windows-amd64", "windows-amd64", Some("windows-386")),
        ("plan9-386", "plan9-386", "plan9-386", Some("plan9-386")),
        ("darwin-arm-a5ios", "darwin-amd64", "darwin-arm", Some("darwin-amd64")),
    ] {
        let spec = spec(name);
        assert_eq!(spec.machine().to_string(), machine, "{name}");
        let url = format!("http://storage.googleapis.com/go-builder-data/buildlet.{buildlet}");
        assert_eq!(spec.buildlet_url(), url, "{name}");
        let url = bootstrap.map(|of| format!("https://storage.googleapis.com/go-builder-data/go1.4-{of}.tar.gz"));
        assert_eq!(spec.bootstrap_url, url, "{name}");
    }
    assert_eq!(ROWS.iter().filter(|row| !row.bootstrap.is_empty()).count(), 13);
}

#[test]
fn owners_are_short() {
    assert_eq!(spec("darwin-arm-a5ios").short_owner(), "crawshaw");
    assert_eq!(spec("linux-amd64").short_owner(), "go-dev");
    assert_eq!((spec("linux-arm").pool(), spec("linux-386").pool()), ("reverse", "gce"));
}
