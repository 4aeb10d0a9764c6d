//! Turns a core module into a component.

use wit_component::{ComponentEncoder, DecodedWasm};

use crate::error::ComponentError;

/// `\0asm`.
const MAGIC: [u8; 4] = *b"\0asm";
/// Version 1, layer 0: a core module.
const CORE_MODULE: [u8; 4] = [1, 0, 0, 0];
/// Version 13, layer 1: a component.
const COMPONENT: [u8; 4] = [13, 0, 1, 0];

/// A component, and whether it had to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Componentized {
    /// The component.
    pub bytes: Vec<u8>,
    /// Whether the compiler made it already, so that the bytes are the ones that were given.
    pub was_component: bool,
}

/// Makes a component of what a compiler wrote: a core module with embedded interface types is encoded and validated,
/// a component (`wasm32-wasip2`, Python, JavaScript) is taken as it is.
///
/// # Errors
/// [`ComponentError`] when the bytes are neither, when module and types do not fit, or when nothing is exported.
pub fn componentize(wasm: Vec<u8>) -> Result<Componentized, ComponentError> {
    let (magic, version) =
        wasm.first_chunk::<8>().map(|head| head.split_at(MAGIC.len())).ok_or(ComponentError::NotWasm)?;
    if magic != MAGIC {
        return Err(ComponentError::NotWasm);
    }
    let was_component = version == COMPONENT;
    if !was_component && version != CORE_MODULE {
        return Err(ComponentError::NotWasm);
    }
    let bytes = if was_component { wasm } else { encode(&wasm)? };
    if exports_nothing(&bytes)? {
        return Err(ComponentError::NothingExported);
    }
    Ok(Componentized { bytes, was_component })
}

fn encode(module: &[u8]) -> Result<Vec<u8>, ComponentError> {
    ComponentEncoder::default()
        .module(module)
        .map(|encoder| encoder.validate(true))
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| ComponentError::Encode { reason: format!("{error:#}") })
}

fn exports_nothing(component: &[u8]) -> Result<bool, ComponentError> {
    let decoded =
        wit_component::decode(component).map_err(|error| ComponentError::Encode { reason: format!("{error:#}") })?;
    match decoded {
        DecodedWasm::Component(resolve, world) => Ok(resolve.worlds[world].exports.is_empty()),
        DecodedWasm::WitPackage(..) => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use super::{ComponentError, componentize};

    #[test]
    fn garbage_is_not_wasm() {
        for bytes in [&b""[..], b"\0asm", b"\0asm\x02\0\0\0", b"not a module at all"] {
            let result = componentize(bytes.to_vec());
            assert!(matches!(result, Err(ComponentError::NotWasm)), "{result:?} for {bytes:?}");
        }
    }

    #[test]
    fn a_module_without_exports_is_refused() {
        let result = componentize(b"\0asm\x01\0\0\0".to_vec());
        assert!(matches!(result, Err(ComponentError::NothingExported)), "{result:?}");
    }
}
