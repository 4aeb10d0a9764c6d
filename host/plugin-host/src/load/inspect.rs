//! Reads from a component's types what it serves as and what it wants.

use semver::Version;
use wit_component::DecodedWasm;
use wit_parser::{PackageName, Resolve, WorldId, WorldItem, WorldKey};

use super::contract::Contract;
use super::shape::difference;
use crate::error::LoadError;
use crate::load::RoleVersion;
use crate::role::Role;

/// The interfaces of muster:host that exist, and who may import them.
const HOST_INTERFACES: [(&str, bool); 4] = [("log", true), ("clock", false), ("kv", false), ("http", false)];
/// The version of muster:host and muster:types that this host has.
const HOST_VERSION: Version = Version::new(0, 1, 0);
/// The parts of WASI that are there, with nothing behind them.
const DENIED_WASI: [&str; 6] = ["cli", "clocks", "filesystem", "io", "random", "sockets"];

/// What a component's types say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inspected {
    pub(crate) roles: Vec<RoleVersion>,
    /// Names with versions, in the order they are imported.
    pub(crate) imports: Vec<String>,
    /// It wants a WASI.
    pub(crate) wasi: bool,
}

/// Reads and checks them.
///
/// # Errors
/// [`LoadError`] naming the interface, its version and what to do.
pub(crate) fn inspect(file: &str, bytes: &[u8], contract: &Contract) -> Result<Inspected, LoadError> {
    let unreadable = |reason: String| LoadError::Invalid { file: file.to_owned(), reason };
    let decoded = wit_component::decode(bytes).map_err(|error| unreadable(format!("{error:#}")))?;
    let (resolve, world) = match decoded {
        DecodedWasm::Component(resolve, world) => (resolve, world),
        DecodedWasm::WitPackage(..) => return Err(unreadable("it is a WIT package: types without code".into())),
    };
    let roles = roles(file, &resolve, world, contract)?;
    let imports = imports(file, &resolve, world, &roles)?;
    let wasi = imports.iter().any(|import| import.starts_with("wasi:"));
    Ok(Inspected { roles, imports, wasi })
}

fn roles(file: &str, resolve: &Resolve, world: WorldId, contract: &Contract) -> Result<Vec<RoleVersion>, LoadError> {
    let mut roles = Vec::new();
    let mut others = Vec::new();
    for (key, item) in &resolve.worlds[world].exports {
        let name = resolve.name_world_key(key);
        let (WorldItem::Interface { id, .. }, Some(package)) = (item, package_of(resolve, key)) else {
            others.push(name);
            continue;
        };
        let interface = resolve.interfaces[*id].name.clone().unwrap_or_default();
        let role =
            Role::from_word(&package.name).filter(|role| package.namespace == "muster" && interface == role.word());
        let Some(role) = role else {
            others.push(name);
            continue;
        };
        let version = package.version.clone();
        let Some(version) = version.filter(|version| matches_track(&role.version(), version)) else {
            return Err(LoadError::Version {
                file: file.to_owned(),
                wanted: name,
                package: package.name.clone(),
                have: role.version().to_string(),
            });
        };
        let mine = (&contract.resolve, contract.interface(role));
        if let Some(difference) = difference(mine, (resolve, *id)) {
            return Err(LoadError::Shape {
                file: file.to_owned(),
                interface: name,
                difference,
                role: role.word().to_owned(),
                version: role.version().to_string(),
            });
        }
        roles.push(RoleVersion { role, version });
    }
    if roles.is_empty() {
        let exports = if others.is_empty() { "nothing".to_owned() } else { others.join(", ") };
        return Err(LoadError::NoRole { file: file.to_owned(), exports });
    }
    roles.sort_by_key(|role| role.role);
    Ok(roles)
}

fn imports(file: &str, resolve: &Resolve, world: WorldId, roles: &[RoleVersion]) -> Result<Vec<String>, LoadError> {
    let is_pool = roles.iter().any(|role| role.role == Role::Pool);
    let mut imports = Vec::new();
    for (key, _) in &resolve.worlds[world].imports {
        let name = resolve.name_world_key(key);
        let refuse = |reason: String| LoadError::Import { file: file.to_owned(), import: name.clone(), reason };
        let Some(package) = package_of(resolve, key) else {
            return Err(refuse("no host offers; a plugin imports interfaces of muster:host only".into()));
        };
        let interface = interface_of(resolve, key);
        match (package.namespace.as_str(), package.name.as_str()) {
            ("muster", "host") => {
                let known = HOST_INTERFACES.iter().find(|(known, _)| *known == interface);
                check_version(file, &name, package)?;
                match known {
                    None => return Err(refuse("this host does not have; it needs a newer one".into())),
                    Some((_, for_all)) if !for_all && !is_pool => {
                        return Err(refuse(format!(
                            "only pools may: a {} is asked the same question again and must answer alike",
                            roles[0].role
                        )));
                    }
                    Some(_) => {}
                }
            }
            ("muster", _) => check_version(file, &name, package)?,
            ("wasi", "http") => {
                return Err(refuse(
                    "no plugin gets; build it without (componentize-js: `--disable http --disable fetch-event`), \
                     a pool uses muster:host/http"
                        .into(),
                ));
            }
            ("wasi", part) if DENIED_WASI.contains(&part) && is_preview_2(package) => {}
            ("wasi", _) => {
                return Err(refuse(
                    "is not in this host's WASI (0.2: cli, clocks, filesystem, io, random and sockets, all empty); \
                     build it for wasm32-unknown-unknown, or with the toolchain's option to leave it out"
                        .into(),
                ));
            }
            (_, _) => return Err(refuse("no host offers; a plugin imports interfaces of muster:host only".into())),
        }
        imports.push(name);
    }
    Ok(imports)
}

fn check_version(file: &str, name: &str, package: &PackageName) -> Result<(), LoadError> {
    if package.version.as_ref().is_some_and(|version| matches_track(&HOST_VERSION, version)) {
        return Ok(());
    }
    Err(LoadError::Version {
        file: file.to_owned(),
        wanted: name.to_owned(),
        package: package.name.clone(),
        have: HOST_VERSION.to_string(),
    })
}

fn is_preview_2(package: &PackageName) -> bool {
    package.version.as_ref().is_some_and(|version| (version.major, version.minor) == (0, 2))
}

/// Whether two versions promise the same: equal major, or below 1.0 equal minor; never a pre-release.
fn matches_track(have: &Version, wanted: &Version) -> bool {
    let track = |version: &Version| if version.major > 0 { (version.major, 0) } else { (0, version.minor) };
    have == wanted || (track(have) == track(wanted) && wanted.pre.is_empty())
}

fn package_of<'a>(resolve: &'a Resolve, key: &WorldKey) -> Option<&'a PackageName> {
    let WorldKey::Interface(id) = key else { return None };
    Some(&resolve.packages[resolve.interfaces[*id].package?].name)
}

fn interface_of(resolve: &Resolve, key: &WorldKey) -> String {
    match key {
        WorldKey::Interface(id) => resolve.interfaces[*id].name.clone().unwrap_or_default(),
        WorldKey::Name(name) => name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_one_track_are_compatible() {
        let version = |text: &str| Version::parse(text).expect("a version");
        assert!(matches_track(&version("0.1.0"), &version("0.1.3")));
        assert!(!matches_track(&version("0.1.0"), &version("0.2.0")));
        assert!(!matches_track(&version("0.1.0"), &version("0.1.1-rc.1")));
        assert!(matches_track(&version("1.2.0"), &version("1.0.0")));
        assert!(!matches_track(&version("1.2.0"), &version("2.0.0")));
    }
}
