//! Says where it was compiled.

fn main() {
    println!("{}", env!("CARGO_MANIFEST_DIR"));
}

#[test]
fn of_the_program() {}
