//! The builders of 2015-05, all 35, in the order of the original table. What follows from a name stands in `spec`.

/// One builder as the table has it; what is empty is the default.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// The image of its virtual machine; none is a machine that dials in.
    pub(crate) image: &'static str,
    /// The type of machine that is asked for; its own name otherwise.
    pub(crate) buildlet_type: &'static str,
    pub(crate) machine_type: &'static str,
    /// Machines beside the main one.
    pub(crate) helpers: u32,
    /// The bootstrap toolchain that is fetched, as its archive calls the platform.
    pub(crate) bootstrap: &'static str,
    /// The buildlet that the machine runs, where that is not the builder's own platform.
    pub(crate) buildlet: &'static str,
    pub(crate) env: &'static [(&'static str, &'static str)],
    /// Builds only unmerged changes.
    pub(crate) try_only: bool,
    /// Every unmerged change is built on it.
    pub(crate) tried: bool,
    pub(crate) regular_disk: bool,
    pub(crate) notes: &'static str,
    pub(crate) owner: &'static str,
}

const ROW: Row = Row {
    name: "",
    image: "",
    buildlet_type: "",
    machine_type: "n1-highcpu-2",
    helpers: 0,
    bootstrap: "",
    buildlet: "",
    env: &[],
    try_only: false,
    tried: false,
    regular_disk: false,
    notes: "",
    owner: "",
};

/// A builder that the table does not have: the settings say what it is.
pub(crate) const OWN: Row = ROW;

/// The table.
pub(crate) const ROWS: [Row; 35] = [
    Row { name: "freebsd-amd64-gce93", image: "freebsd-amd64-gce93", helpers: 3, bootstrap: "freebsd-amd64", ..ROW },
    Row {
        name: "freebsd-amd64-gce101",
        image: "freebsd-amd64-gce101",
        helpers: 3,
        bootstrap: "freebsd-amd64",
        env: &[("CC", "clang")],
        tried: true,
        notes: "FreeBSD 10.1; GCE VM is built from script in build/env/freebsd-amd64",
        ..ROW
    },
    Row {
        name: "freebsd-amd64-race",
        image: "freebsd-amd64-gce101",
        machine_type: "n1-highcpu-4",
        bootstrap: "freebsd-amd64",
        env: &[("CC", "clang")],
        ..ROW
    },
    Row {
        name: "freebsd-386-gce101",
        image: "freebsd-amd64-gce101",
        bootstrap: "freebsd-amd64",
        buildlet: "freebsd-amd64",
        env: &[("GOARCH", "386"), ("CC", "clang")],
        tried: true,
        ..ROW
    },
    Row {
        name: "linux-386",
        image: "linux-buildlet-std",
        helpers: 3,
        buildlet: "linux-amd64",
        env: &[("GOROOT_BOOTSTRAP", "/go1.4"), ("GOARCH", "386"), ("GOHOSTARCH", "386")],
        tried: true,
        ..ROW
    },
    Row {
        name: "linux-386-387",
        image: "linux-buildlet-std",
        buildlet: "linux-amd64",
        env: &[("GOROOT_BOOTSTRAP", "/go1.4"), ("GOARCH", "386"), ("GOHOSTARCH", "386"), ("GO386", "387")],
        notes: "GO386=387",
        ..ROW
    },
    Row {
        name: "linux-amd64",
        image: "linux-buildlet-std",
        helpers: 3,
        env: &[("GOROOT_BOOTSTRAP", "/go1.4")],
        tried: true,
        ..ROW
    },
    Row {
        name: "all-compile",
        image: "linux-buildlet-std",
        machine_type: "n1-highcpu-16",
        buildlet: "linux-amd64",
        env: &[("GOROOT_BOOTSTRAP", "/go1.4")],
        try_only: true,
        tried: true,
        notes: "Runs buildall.sh to compile stdlib for all GOOS/GOARCH, but doesn't run any tests.",
        ..ROW
    },
    Row {
        name: "linux-amd64-nocgo",
        image: "linux-buildlet-std",
        env: &[("GOROOT_BOOTSTRAP", "/go1.4"), ("CGO_ENABLED", "0"), ("USER", "root")],
        notes: "cgo disabled",
        ..ROW
    },
    Row {
        name: "linux-amd64-noopt",
        image: "linux-buildlet-std",
        env: &[("GOROOT_BOOTSTRAP", "/go1.4"), ("GO_GCFLAGS", "-N -l")],
        notes: "optimizations and inlining disabled",
        ..ROW
    },
    Row {
        name: "linux-amd64-race",
        image: "linux-buildlet-std",
        machine_type: "n1-highcpu-4",
        env: &[("GOROOT_BOOTSTRAP", "/go1.4")],
        tried: true,
        ..ROW
    },
    Row {
        name: "linux-386-clang",
        image: "linux-buildlet-clang",
        buildlet: "linux-amd64",
        env: &[("GOROOT_BOOTSTRAP", "/go1.4"), ("CC", "/usr/bin/clang"), ("GOHOSTARCH", "386")],
        ..ROW
    },
    Row {
        name: "linux-amd64-clang",
        image: "linux-buildlet-clang",
        env: &[("GOROOT_BOOTSTRAP", "/go1.4"), ("CC", "/usr/bin/clang")],
        notes: "Debian wheezy + clang 3.5 instead of gcc",
        ..ROW
    },
    Row {
        name: "linux-386-sid",
        image: "linux-buildlet-sid",
        buildlet: "linux-amd64",
        env: &[("GOROOT_BOOTSTRAP", "/go1.4"), ("GOHOSTARCH", "386")],
        ..ROW
    },
    Row {
        name: "linux-amd64-sid",
        image: "linux-buildlet-sid",
        env: &[("GOROOT_BOOTSTRAP", "/go1.4")],
        notes: "Debian sid (unstable)",
        ..ROW
    },
    Row {
        name: "linux-arm-qemu",
        image: "linux-buildlet-arm",
        env: &[("GOROOT_BOOTSTRAP", "/go1.4"), ("IN_QEMU", "1")],
        ..ROW
    },
    Row { name: "linux-arm", env: &[("GOROOT_BOOTSTRAP", "/usr/local/go")], ..ROW },
    Row {
        name: "linux-arm-shard_test",
        buildlet_type: "linux-arm",
        env: &[("GOROOT_BOOTSTRAP", "/usr/local/go"), ("GOTESTONLY", "^test$")],
        try_only: true,
        tried: true,
        ..ROW
    },
    Row {
        name: "linux-arm-shard_std_am",
        buildlet_type: "linux-arm",
        env: &[("GOROOT_BOOTSTRAP", "/usr/local/go"), ("GOTESTONLY", "^go_test:[a-m]")],
        try_only: true,
        tried: true,
        ..ROW
    },
    Row {
        name: "linux-arm-shard_std_nz",
        buildlet_type: "linux-arm",
        env: &[("GOROOT_BOOTSTRAP", "/usr/local/go"), ("GOTESTONLY", "^go_test:[n-z]")],
        try_only: true,
        tried: true,
        ..ROW
    },
    Row {
        name: "linux-arm-shard_runtimecpu",
        buildlet_type: "linux-arm",
        env: &[("GOROOT_BOOTSTRAP", "/usr/local/go"), ("GOTESTONLY", "^runtime:cpu124$")],
        try_only: true,
        tried: true,
        ..ROW
    },
    Row {
        name: "linux-arm-shard_cgotest",
        buildlet_type: "linux-arm",
        env: &[("GOROOT_BOOTSTRAP", "/usr/local/go"), ("GOTESTONLY", "^cgo_test$")],
        try_only: true,
        tried: true,
        ..ROW
    },
    Row {
        name: "linux-arm-shard_misc",
        buildlet_type: "linux-arm",
        env: &[("GOROOT_BOOTSTRAP", "/usr/local/go"), ("GOTESTONLY", "!^(go_test:|test$|cgo_test$|runtime:cpu124$)")],
        try_only: true,
        tried: true,
        ..ROW
    },
    Row {
        name: "linux-arm-arm5",
        env: &[("GOROOT_BOOTSTRAP", "/usr/local/go"), ("GOARM", "5"), ("GO_TEST_TIMEOUT_SCALE", "5")],
        ..ROW
    },
    Row {
        name: "nacl-386",
        image: "linux-buildlet-nacl-v2",
        buildlet: "linux-amd64",
        env: &[
            ("GOROOT_BOOTSTRAP", "/go1.4"),
            ("GOOS", "nacl"),
            ("GOARCH", "386"),
            ("GOHOSTOS", "linux"),
            ("GOHOSTARCH", "amd64"),
        ],
        tried: true,
        ..ROW
    },
    Row {
        name: "nacl-amd64p32",
        image: "linux-buildlet-nacl-v2",
        buildlet: "linux-amd64",
        env: &[
            ("GOROOT_BOOTSTRAP", "/go1.4"),
            ("GOOS", "nacl"),
            ("GOARCH", "amd64p32"),
            ("GOHOSTOS", "linux"),
            ("GOHOSTARCH", "amd64"),
        ],
        tried: true,
        ..ROW
    },
    Row {
        name: "openbsd-amd64-gce56",
        image: "openbsd-amd64-56",
        helpers: 3,
        bootstrap: "openbsd-amd64",
        tried: true,
        notes: "OpenBSD 5.6; GCE VM is built from script in build/env/openbsd-amd64",
        ..ROW
    },
    Row {
        name: "openbsd-386-gce56",
        image: "openbsd-386-56",
        helpers: 3,
        bootstrap: "openbsd-386",
        tried: true,
        notes: "OpenBSD 5.6; GCE VM is built from script in build/env/openbsd-386",
        ..ROW
    },
    Row {
        name: "plan9-386",
        image: "plan9-386-v2",
        helpers: 5,
        bootstrap: "plan9-386",
        tried: true,
        notes: "Plan 9 from 0intro; GCE VM is built from script in build/env/plan9-386",
        ..ROW
    },
    Row {
        name: "windows-amd64-gce",
        image: "windows-buildlet-v2",
        helpers: 3,
        bootstrap: "windows-amd64",
        env: &[("GOARCH", "amd64"), ("GOHOSTARCH", "amd64")],
        tried: true,
        regular_disk: true,
        ..ROW
    },
    Row {
        name: "windows-amd64-race",
        image: "windows-buildlet-v2",
        machine_type: "n1-highcpu-4",
        bootstrap: "windows-amd64",
        env: &[("GOARCH", "amd64"), ("GOHOSTARCH", "amd64")],
        regular_disk: true,
        notes: "Only runs -race tests (./race.bat)",
        ..ROW
    },
    Row {
        name: "windows-386-gce",
        image: "windows-buildlet-v2",
        helpers: 3,
        bootstrap: "windows-386",
        buildlet: "windows-amd64",
        env: &[("GOARCH", "386"), ("GOHOSTARCH", "386")],
        tried: true,
        regular_disk: true,
        ..ROW
    },
    Row {
        name: "darwin-amd64-10_10",
        helpers: 1,
        bootstrap: "darwin-amd64",
        tried: true,
        notes: "Mac Mini running OS X 10.10 (Yosemite)",
        ..ROW
    },
    Row {
        name: "darwin-arm-a5ios",
        bootstrap: "darwin-amd64",
        env: &[("GOARCH", "arm"), ("GOHOSTARCH", "amd64")],
        notes: "iPhone 4S (A5 processor), via a Mac Mini",
        owner: "crawshaw@golang.org",
        ..ROW
    },
    Row {
        name: "darwin-arm64-a7ios",
        bootstrap: "darwin-amd64",
        env: &[("GOARCH", "arm64"), ("GOHOSTARCH", "amd64")],
        notes: "iPad Mini 3 (A7 processor), via a Mac Mini",
        owner: "crawshaw@golang.org",
        ..ROW
    },
];
