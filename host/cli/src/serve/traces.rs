//! Where traces are sent: what `[traces]` says, and OpenTelemetry's own variables where it is silent.

use std::path::Path;

use anyhow::Context;
use percent_encoding::percent_decode_str;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use service::TraceSettings;

use crate::config::host::HostFile;
use crate::exit::UsageError;
use crate::secret_file;

/// The address of a collector, for all that a program tells.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// Headers for it: `name=value,name=value`, percent-encoded.
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
/// What a program is called.
const SERVICE: &str = "OTEL_SERVICE_NAME";

/// The file in the state folder that says how far traces were sent.
const MARK: &str = "traces";

/// Where traces go; none if nobody says so. `variable` looks one up in the environment.
///
/// # Errors
/// What is said cannot be used.
pub(crate) fn settings(
    host: &HostFile,
    state: &Path,
    variable: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<Option<TraceSettings>> {
    let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
    let section = &host.config.traces;
    let of_file = section.endpoint.clone().map(|endpoint| (endpoint, "`endpoint` in `[traces]`"));
    let said = of_file.or_else(|| Some((variable(ENDPOINT)?, ENDPOINT)));
    let Some((endpoint, said_by)) = said else { return Ok(None) };
    let service = section.service_name.clone().or_else(|| variable(SERVICE)).unwrap_or_else(|| "muster".to_owned());
    Ok(Some(TraceSettings {
        endpoint: address(&endpoint, said_by)?,
        headers: headers(host, variable(HEADERS).as_deref())?,
        service,
        mark: state.join(MARK),
    }))
}

/// Where exactly traces are posted.
fn address(endpoint: &str, said_by: &str) -> anyhow::Result<String> {
    let parsed = Url::parse(endpoint).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(parsed) = parsed else {
        return Err(UsageError::new(
            format!("traces cannot be sent to `{endpoint}`, which is what {said_by} says"),
            "write the collector's address for OTLP over HTTP: `http://collector:4318`",
        )
        .into());
    };
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(UsageError::new(
            format!("{said_by} has a password in it"),
            "write it without, and put `authorization` into `header-files` of `[traces]`",
        )
        .into());
    }
    Ok(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
}

/// The file's headers over those of the environment.
fn headers(host: &HostFile, of_variable: Option<&str>) -> anyhow::Result<HeaderMap> {
    let section = &host.config.traces;
    let mut headers = HeaderMap::new();
    for pair in of_variable.unwrap_or_default().split(',').filter(|pair| !pair.trim().is_empty()) {
        let (name, value) = pair.split_once('=').ok_or_else(|| wrong(HEADERS, "has a part without `=`"))?;
        let value = percent_decode_str(value.trim()).decode_utf8().map_err(|_| wrong(name, "is not UTF-8"))?;
        put(&mut headers, name.trim(), &value, true)?;
    }
    for (name, value) in &section.headers {
        put(&mut headers, name, value, false)?;
    }
    for (name, file) in &section.header_files {
        let value = secret_file::read("header", &host.resolve(file));
        put(
            &mut headers,
            name,
            &value.with_context(|| format!("failed to use the header `{name}` of `[traces]`"))?,
            true,
        )?;
    }
    Ok(headers)
}

fn put(headers: &mut HeaderMap, name: &str, value: &str, secret: bool) -> anyhow::Result<()> {
    let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong(name, "is no name of a header"))?;
    let mut value = HeaderValue::from_str(value).map_err(|_| wrong(name, "has a value that no header can have"))?;
    value.set_sensitive(secret);
    headers.insert(parsed, value);
    Ok(())
}

fn wrong(name: &str, what: &str) -> UsageError {
    UsageError::new(format!("traces cannot be sent: `{name}` {what}"), "see `[traces]` in docs/configuration.md")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::config::located::SourceText;

    fn read(folder: &Path, text: &str) -> HostFile {
        HostFile::read(SourceText { path: folder.join("coordinator.toml"), text: text.to_owned() }).unwrap()
    }

    fn environment(name: &str) -> Option<String> {
        let value = match name {
            ENDPOINT => "http://of-environment:4318/otlp/",
            HEADERS => "authorization=Basic%20YTpi, x-scope=environment",
            SERVICE => "ci",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[test]
    fn nobody_is_told_where_nobody_says_so() {
        let host = HostFile::default();
        assert!(settings(&host, Path::new("/s"), |_| None).unwrap().is_none());
        assert!(settings(&host, Path::new("/s"), |_| Some(String::new())).unwrap().is_none());
    }

    #[test]
    fn the_environment_counts_where_the_file_is_silent() {
        let settings = settings(&HostFile::default(), Path::new("/s"), environment).unwrap().unwrap();
        assert_eq!(settings.endpoint, "http://of-environment:4318/otlp/v1/traces");
        assert_eq!((settings.service.as_str(), settings.mark.as_path()), ("ci", Path::new("/s/traces")));
        assert_eq!(settings.headers["authorization"], "Basic YTpi");
        assert!(settings.headers["authorization"].is_sensitive());
        assert_eq!(settings.headers["x-scope"], "environment");
    }

    #[test]
    fn the_file_goes_before_the_environment_and_secrets_stand_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let text = "[traces]\nendpoint = 'https://collector.example.org'\nservice-name = 'muster-eu'\n\
                    headers = { x-scope = 'file' }\nheader-files = { authorization = 'token' }\n";
        let host = read(folder.path(), text);
        let secret = folder.path().join("token");
        fs::write(&secret, "Bearer s3cret\n").unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
        let refused = settings(&host, Path::new("/s"), environment).unwrap_err();
        assert!(format!("{refused:#}").contains("can be read by others (mode 0644)"), "{refused:#}");
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        let settings = settings(&host, Path::new("/s"), environment).unwrap().unwrap();
        assert_eq!(settings.endpoint, "https://collector.example.org/v1/traces");
        assert_eq!((settings.service.as_str(), settings.headers.len()), ("muster-eu", 2));
        assert_eq!(settings.headers["x-scope"], "file");
        assert_eq!(settings.headers["authorization"], "Bearer s3cret");
        assert!(!format!("{settings:?}").contains("s3cret"));
    }

    #[test]
    fn what_is_no_address_or_no_header_is_refused() {
        let with = |endpoint: &'static str, headers: &'static str| {
            move |name: &str| match name {
                ENDPOINT => Some(endpoint.to_owned()),
                HEADERS => Some(headers.to_owned()),
                _ => None,
            }
        };
        for (endpoint, headers, what) in [
            ("collector:4318", "", "`collector:4318`, which is what OTEL_EXPORTER_OTLP_ENDPOINT says"),
            ("grpc://collector", "", "traces cannot be sent to"),
            ("http://me:s3cret@collector", "", "OTEL_EXPORTER_OTLP_ENDPOINT has a password in it"),
            ("http://collector", "a", "has a part without `=`"),
            ("http://collector", "a b=c", "is no name of a header"),
            ("http://collector", "a=%0a", "has a value that no header can have"),
        ] {
            let refused = settings(&HostFile::default(), Path::new("/s"), with(endpoint, headers)).unwrap_err();
            assert!(refused.to_string().contains(what), "{refused}");
        }
    }
}
