//! Whether a tree is a Go module, and not Go itself.

use muster_sdk::builder::SourceFile;

/// A `go.mod` in the module's folder. Go's own tree has modules too, and is made and tested by `dist`.
pub(crate) fn is_module(files: &[SourceFile], dir: &str) -> bool {
    let wanted = if dir.is_empty() { "go.mod".to_owned() } else { format!("{dir}/go.mod") };
    let has = |path: &str| files.iter().any(|file| file.path == path);
    let is_go = has("src/make.bash") && files.iter().any(|file| file.path.starts_with("src/cmd/dist/"));
    has(&wanted) && !is_go
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(paths: &[&str], dir: &str, expected: bool) {
        let files: Vec<_> = paths.iter().map(|path| SourceFile { path: (*path).into(), content: None }).collect();
        assert_eq!(is_module(&files, dir), expected, "{paths:?}");
    }

    #[test]
    fn a_module_is_not_go_itself() {
        check(&["go.mod", "a.go"], "", true);
        check(&["a.go"], "", false);
        check(&["sub/go.mod"], "", false);
        check(&["sub/go.mod"], "sub", true);
        check(&["go.mod", "src/make.bash", "src/cmd/dist/main.go"], "", false);
        check(&["go.mod", "src/make.bash"], "", true);
    }
}
