//! Tells a component from everything else before wasmtime sees it.

use wasmparser::Validator;

use crate::error::LoadError;

/// `\0asm`, version 1, layer 0.
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";
/// `\0asm`, version 13, layer 1.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// Validates the bytes as a component.
///
/// # Errors
/// [`LoadError::CoreModule`] or [`LoadError::Invalid`].
pub(crate) fn component(file: &str, bytes: &[u8]) -> Result<(), LoadError> {
    if bytes.starts_with(CORE_MODULE) {
        return Err(LoadError::CoreModule { file: file.to_owned() });
    }
    let invalid = |reason: String| LoadError::Invalid { file: file.to_owned(), reason };
    if !bytes.starts_with(COMPONENT) {
        return Err(invalid("it does not begin like one".into()));
    }
    Validator::new().validate_all(bytes).map_err(|error| invalid(error.to_string()))?;
    Ok(())
}
