//! What an operator may set for this pool.

use muster_sdk::Error;
use muster_sdk::settings::{Settings, kind};
use serde_json::Value;

/// Where Docker's daemon listens by default.
const URL: &str = "unix:/var/run/docker.sock";
/// A machine's containers share the host's network by default: no port needs publishing, and bridges change the
/// host's firewall.
const NETWORK: &str = "host";
/// What to do where no image is set.
const NO_IMAGE: &str = "the setting `image` is missing: write into coordinator.toml `[pool.docker]` with \
    `kind = \"plugin\"`, `[pool.docker.settings]` with `image = \"IMAGE\"`, and `[plugins.docker.grants]` with \
    `http = [{ origin = \"unix:/var/run/docker.sock\" }]` (docs/docker.md)";

/// The settings of the pool.
#[derive(Clone, Debug)]
pub(crate) struct DockerSettings {
    /// The engine, without a slash at its end: `http://HOST:PORT` or `unix:/PATH`.
    pub(crate) url: String,
    /// Host type and image; an empty host type is any.
    pub(crate) images: Vec<(String, String)>,
    pub(crate) network: String,
    /// As Docker writes them: `/host:/container[:ro]`.
    pub(crate) binds: Vec<String>,
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) cpus: Option<f64>,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) env: Vec<(String, String)>,
    /// The agent inside the image, where it is not to be taken from the coordinator's machine.
    pub(crate) agent: Option<String>,
    pub(crate) capacity: Option<u32>,
}

impl DockerSettings {
    /// Reads the settings.
    pub(crate) fn parse(json: &str) -> Result<DockerSettings, Error> {
        let mut settings = Settings::parse(json)?;
        let read = DockerSettings {
            url: url(&mut settings)?,
            images: images(&mut settings)?,
            network: settings.text("network")?.unwrap_or_else(|| NETWORK.into()),
            binds: settings.texts("binds")?.unwrap_or_default(),
            memory_bytes: memory(&mut settings)?,
            cpus: settings.number("cpus")?,
            labels: settings.table("labels")?.unwrap_or_default(),
            env: settings.table("env")?.unwrap_or_default(),
            agent: settings.text("agent")?,
            capacity: settings.count("capacity")?.map(|count| u32::try_from(count).unwrap_or(u32::MAX)),
        };
        if read.cpus.is_some_and(|cpus| cpus <= 0.0) {
            return Err(settings.invalid("cpus", "more than 0"));
        }
        settings.finish()?;
        Ok(read)
    }

    /// That there is an image at all.
    pub(crate) fn check_image(&self) -> Result<(), Error> {
        if self.images.is_empty() { Err(Error::Invalid(NO_IMAGE.to_owned())) } else { Ok(()) }
    }

    /// The image of a host type.
    pub(crate) fn image(&self, host_type: &str) -> Option<&str> {
        let found = self.images.iter().find(|(name, _)| name == host_type || name.is_empty());
        found.map(|(_, image)| image.as_str())
    }
}

/// `tcp://` is how Docker's own tools write it.
fn url(settings: &mut Settings) -> Result<String, Error> {
    let url = settings.text("url")?.unwrap_or_else(|| URL.into());
    let url = url.trim_end_matches('/');
    let rest = ["tcp://", "http://"].iter().find_map(|scheme| url.strip_prefix(scheme));
    match (rest, url.strip_prefix("unix:")) {
        (Some(rest), _) if !rest.is_empty() => Ok(format!("http://{rest}")),
        (None, Some(path)) if path.starts_with('/') => Ok(format!("unix:/{}", path.trim_start_matches('/'))),
        _ if url.starts_with("https://") => Ok(url.to_owned()),
        _ => Err(settings.invalid("url", "`tcp://HOST:PORT`, `https://HOST:PORT` or `unix:/PATH`")),
    }
}

/// One image for every host type, or a table by host type.
fn images(settings: &mut Settings) -> Result<Vec<(String, String)>, Error> {
    match settings.value("image") {
        None => Ok(Vec::new()),
        Some(Value::String(image)) if !image.is_empty() => Ok(vec![(String::new(), image)]),
        Some(Value::Object(table)) => {
            let images = table.into_iter().map(|(name, image)| Some((name, image.as_str()?.to_owned())));
            let meant = "the name of an image, or a table of them by host type";
            images.collect::<Option<Vec<_>>>().ok_or_else(|| settings.invalid("image", meant))
        }
        Some(other) => {
            let meant = format!("the name of an image, or a table of them by host type; not {}", kind(&other));
            Err(settings.invalid("image", &meant))
        }
    }
}

/// Bytes, or a text such as `512m` or `2g`.
fn memory(settings: &mut Settings) -> Result<Option<u64>, Error> {
    let read = match settings.value("memory") {
        None => return Ok(None),
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => {
            let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            let shift = match text[digits..].to_ascii_lowercase().as_str() {
                "" | "b" => Some(0),
                "k" | "kb" | "kib" => Some(10),
                "m" | "mb" | "mib" => Some(20),
                "g" | "gb" | "gib" => Some(30),
                _ => None,
            };
            let count: Option<u64> = text[..digits].parse().ok();
            count.zip(shift).and_then(|(count, shift)| count.checked_mul(1 << shift))
        }
        Some(_) => None,
    };
    read.map(Some).ok_or_else(|| settings.invalid("memory", "a number of bytes, or a text such as \"512m\" or \"2g\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_may_depend_on_the_host_type() {
        let settings = DockerSettings::parse(r#"{"image": {"small": "a", "": "b"}, "memory": "2g"}"#).unwrap();
        assert_eq!((settings.image("small"), settings.image("x")), (Some("a"), Some("b")));
        assert_eq!(settings.memory_bytes, Some(2 << 30));
        settings.check_image().unwrap();
        let none = DockerSettings::parse("{}").unwrap();
        assert_eq!(none.image("x"), None);
        let Err(Error::Invalid(text)) = none.check_image() else { panic!("no image is a mistake") };
        assert!(text.contains("`image` is missing") && text.contains("[pool.docker.settings]"), "{text}");
    }

    #[test]
    fn urls_as_docker_writes_them() {
        let url = |url: &str| DockerSettings::parse(&format!(r#"{{"url": "{url}"}}"#)).map(|settings| settings.url);
        assert_eq!(url("tcp://127.0.0.1:18888/").unwrap(), "http://127.0.0.1:18888");
        assert_eq!(url("unix:///run/podman/podman.sock").unwrap(), "unix:/run/podman/podman.sock");
        assert_eq!(url("unix:/run/podman/podman.sock").unwrap(), "unix:/run/podman/podman.sock");
        assert!(url("podman.sock").is_err());
        assert!(DockerSettings::parse(r#"{"memory": "lots"}"#).is_err());
    }
}
