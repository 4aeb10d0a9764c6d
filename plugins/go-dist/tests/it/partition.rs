//! What Go's coordinators made of their lists: the builder's listing, the table's lengths and the built-in rule give
//! the same sets.

use fixed_table::FixedTable;
use go_dist::GoDist;
use in_order::InOrder;
use muster_sdk::builder::{Builder as _, Listing};
use muster_sdk::estimator::{Estimator as _, Subject};
use muster_sdk::policy::{Action, Finished, Item, Observed, Policy as _, RunInput, Worker};
use muster_sdk::types::{Duration, ExitStatus, Phases, SECOND};

/// Go's table of 2015, as it is shipped.
const TABLE: &str = include_str!("../../../fixed-table/go-2015.toml");
/// The note of a plan for a tree of today.
const MEMO: &str = "names post-submit";
/// A test that takes longer than everything that matters here: with it waiting, no group is made small for the end.
const LONG: &str = "long";

/// The sets of 2015: all 147 packages of the table, a set a line.
const SETS_OF_2015: &str = "\
archive/tar archive/zip bufio bytes compress/bzip2 compress/flate compress/gzip compress/lzw compress/zlib container/heap container/list container/ring crypto/aes crypto/cipher crypto/des crypto/dsa crypto/ecdsa crypto/elliptic crypto/hmac crypto/md5
crypto/rand crypto/rc4 crypto/rsa crypto/sha1 crypto/sha256 crypto/sha512 crypto/subtle crypto/tls crypto/x509 database/sql database/sql/driver debug/dwarf debug/elf debug/gosym
debug/macho debug/pe debug/plan9obj encoding/ascii85 encoding/asn1 encoding/base32 encoding/base64 encoding/binary encoding/csv encoding/gob encoding/hex encoding/json expvar flag fmt
go/ast go/build go/constant go/doc go/format go/internal/gcimporter go/parser go/printer go/scanner go/token
go/types hash/adler32 hash/crc32 hash/crc64 hash/fnv html html/template image image/color image/draw image/gif image/jpeg
image/png index/suffixarray internal/singleflight io io/ioutil log log/syslog math math/big math/cmplx math/rand mime
mime/multipart mime/quotedprintable net
net/http
net/http/cgi net/http/cookiejar net/http/fcgi net/http/httptest net/http/httputil net/http/internal net/internal/socktest net/mail net/rpc net/rpc/jsonrpc net/smtp net/textproto
net/url os os/exec os/signal os/user path path/filepath
reflect regexp regexp/syntax
runtime
runtime/debug runtime/pprof sort strconv
strings sync sync/atomic syscall testing testing/quick text/scanner text/tabwriter text/template text/template/parse
time unicode unicode/utf16 unicode/utf8 cmd/addr2line cmd/api cmd/asm/internal/asm cmd/asm/internal/lex
cmd/compile/internal/big cmd/cover cmd/fix
cmd/go cmd/gofmt cmd/internal/goobj cmd/internal/obj cmd/internal/obj/x86 cmd/internal/rsc.io/arm/armasm cmd/internal/rsc.io/x86/x86asm cmd/newlink
cmd/nm cmd/objdump cmd/pack cmd/pprof/internal/profile
";

/// The table as settings, as the host hands them over, with one long test more.
fn table() -> String {
    let lengths = TABLE.split_once("[plugins.fixed-table.settings.seconds]").expect("the table has lengths").1;
    let lengths = lengths.lines().filter_map(|line| line.split_once(" = "));
    let lengths: Vec<String> = lengths.map(|(name, length)| format!("{name}: {length}")).collect();
    format!(
        r#"{{"overhead": 0.55, "default-prefix": "go_test:", "seconds": {{"{LONG}": 1000, {}}}}}"#,
        lengths.join(", ")
    )
}

/// The groups that one machine runs one after the other, as names without `go_test:`.
fn groups(names: &[String], table: &str, exec_overhead: Duration) -> Vec<String> {
    let mut output = names.iter().map(|name| format!("go_test:{name}\n")).collect::<String>();
    output.push_str(LONG);
    let listing = Listing { output: output.into(), exit: ExitStatus::Exited(0), files: Vec::new() };
    let tests = GoDist::tests("linux-amd64", "", MEMO, &listing).expect("it is a listing");
    let subjects: Vec<Subject> = tests
        .iter()
        .map(|test| Subject { name: test.name.clone(), setup_key: test.setup_key.clone(), observations: Vec::new() })
        .collect();
    let estimates = FixedTable::estimate(table, &subjects).expect("it is a table");
    let items = (0..).zip(tests.iter().zip(estimates)).map(|(index, (test, estimate))| Item {
        index,
        name: test.name.clone(),
        merge_key: test.merge_key.clone(),
        unit: test.unit.clone(),
        setup_key: test.setup_key.clone(),
        alone: test.alone.clone(),
        expected: estimate.expected,
        deviation: estimate.deviation,
        source: estimate.source,
        max_group: None,
    });
    let worker = Worker { id: 0, main: true, host_type: "linux-buildlet-std".into(), machine: "m".into() };
    let mut run = InOrder::new(RunInput {
        settings: String::new(),
        items: items.collect(),
        workers: vec![worker],
        phases: Phases { make: 0, machine_start: 0, setup: 0, exec_overhead },
        expected_workers: 0,
    });
    let mut groups = Vec::new();
    while let [Action::Start((0, group))] = run.decide(0, &[0]).actions.as_slice() {
        let names = group.iter().map(|&index| tests[index as usize].name.trim_start_matches("go_test:"));
        groups.push(names.collect::<Vec<_>>().join(" "));
        let finished = group.iter().map(|&index| (index, None)).collect();
        run.observe(vec![Observed::Finished(Finished { worker: 0, tests: finished, took: 0 })]);
    }
    assert_eq!(groups.pop().as_deref(), Some(LONG));
    groups
}

#[test]
fn the_sets_of_2015() {
    let mut names: Vec<String> = SETS_OF_2015.split_whitespace().map(str::to_owned).collect();
    assert_eq!(names.len(), 147);
    let expected: Vec<&str> = SETS_OF_2015.lines().collect();
    let exec_overhead = 55 * SECOND / 100;
    assert_eq!(groups(&names, &table(), exec_overhead), expected);
    names.reverse();
    assert_eq!(groups(&names, &table(), exec_overhead), expected, "in whatever order they come");
}

/// `TestPartitionGoTests`: ten seconds without regard to the exec, and three for what is unknown; a sum of exactly ten
/// stays together.
#[test]
fn the_sets_of_the_later_coordinator() {
    let table = format!(
        r#"{{"default": 3, "seconds": {{"{LONG}": 1000, "go_test:a": 1, "go_test:b": 1.5, "go_test:c": 2,
            "go_test:d": 2.5, "go_test:e": 3, "go_test:f": 3.5, "go_test:g": 4, "go_test:h": 4.5, "go_test:i": 5,
            "go_test:j": 5.5, "go_test:k": 6.5}}}}"#
    );
    for order in ["a b c d e f g h i j k", "k j i h g f e d c b a", "f a k c h b j d g e i"] {
        let names: Vec<String> = order.split(' ').map(str::to_owned).collect();
        assert_eq!(groups(&names, &table, 0), ["a b c d e", "f g", "h i", "j", "k"]);
    }
    // `e` is not in the table, and takes the default: the same.
    let names: Vec<String> = "a b c d e".split(' ').map(str::to_owned).collect();
    let without_e = table.replace(r#""go_test:e": 3, "#, "");
    assert_eq!(groups(&names, &without_e, 0), ["a b c d e"]);
}
