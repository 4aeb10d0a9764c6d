//! Writes functions and types out in full, so that two versions of a contract can be compared and the difference shown.

use wit_parser::{Function, Handle, InterfaceId, Resolve, Type, TypeDefKind};

/// Characters of a differing signature that are shown.
const SHOWN: usize = 300;

/// The first way in which a component's interface is not the contract's, if any.
///
/// Types must be equal to the last field: there is no subtyping at the boundary. More functions than the contract has
/// do no harm.
pub(crate) fn difference(
    (contract, wanted): (&Resolve, InterfaceId),
    (component, found): (&Resolve, InterfaceId),
) -> Option<String> {
    let functions = &component.interfaces[found].functions;
    contract.interfaces[wanted].functions.iter().find_map(|(name, function)| {
        let Some(other) = functions.get(name) else { return Some(format!("`{name}` is missing")) };
        let here = signature(contract, function);
        let there = signature(component, other);
        (here != there).then(|| format!("`{name}` {}", contrast(&here, &there)))
    })
}

/// Shows where two signatures part.
fn contrast(here: &str, there: &str) -> String {
    let same = here.chars().zip(there.chars()).take_while(|(a, b)| a == b).count();
    let from = here.char_indices().map(|(at, _)| at).take(same + 1).filter(|at| before_word(here, *at)).last();
    let cut = |text: &str| text.get(from.unwrap_or(0)..).unwrap_or("").chars().take(SHOWN).collect::<String>();
    format!("has `{}` where this host has `{}`", cut(there), cut(here))
}

fn before_word(text: &str, at: usize) -> bool {
    at == 0 || text[..at].ends_with([' ', '(', '{', '<'])
}

fn signature(resolve: &Resolve, function: &Function) -> String {
    // Some toolchains do not keep the names of parameters of methods; the types are what must be equal.
    let parameters: Vec<String> = function
        .params
        .iter()
        .map(|parameter| format!("{}: {}", parameter.name, type_text(resolve, parameter.ty)))
        .collect();
    let result = function.result.map(|result| format!(" -> {}", type_text(resolve, result))).unwrap_or_default();
    let kind = if function.kind.is_async() { "async func" } else { "func" };
    format!("{kind}({}){result}", parameters.join(", "))
}

fn type_text(resolve: &Resolve, ty: Type) -> String {
    let text = match ty {
        Type::Bool => "bool",
        Type::U8 => "u8",
        Type::U16 => "u16",
        Type::U32 => "u32",
        Type::U64 => "u64",
        Type::S8 => "s8",
        Type::S16 => "s16",
        Type::S32 => "s32",
        Type::S64 => "s64",
        Type::F32 => "f32",
        Type::F64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::ErrorContext => "error-context",
        Type::Id(id) => return definition_text(resolve, &resolve.types[id].kind, resolve.types[id].name.as_deref()),
    };
    text.to_owned()
}

fn definition_text(resolve: &Resolve, kind: &TypeDefKind, name: Option<&str>) -> String {
    let of = |ty: Type| type_text(resolve, ty);
    let optional = |ty: Option<Type>| ty.map_or_else(|| "_".to_owned(), of);
    let name_of = |id| resolve.types[id].name.clone().unwrap_or_default();
    match kind {
        TypeDefKind::Type(ty) => of(*ty),
        TypeDefKind::Record(record) => {
            braces("record", record.fields.iter().map(|field| format!("{}: {}", field.name, of(field.ty))))
        }
        TypeDefKind::Variant(variant) => braces(
            "variant",
            variant.cases.iter().map(|case| match case.ty {
                Some(ty) => format!("{}({})", case.name, of(ty)),
                None => case.name.clone(),
            }),
        ),
        TypeDefKind::Enum(enumeration) => braces("enum", enumeration.cases.iter().map(|case| case.name.clone())),
        TypeDefKind::Flags(flags) => braces("flags", flags.flags.iter().map(|flag| flag.name.clone())),
        TypeDefKind::Tuple(tuple) => {
            format!("tuple<{}>", tuple.types.iter().map(|ty| of(*ty)).collect::<Vec<_>>().join(", "))
        }
        TypeDefKind::Option(ty) => format!("option<{}>", of(*ty)),
        TypeDefKind::Result(result) => format!("result<{}, {}>", optional(result.ok), optional(result.err)),
        TypeDefKind::List(ty) => format!("list<{}>", of(*ty)),
        TypeDefKind::Handle(Handle::Own(id)) => format!("own<{}>", name_of(*id)),
        TypeDefKind::Handle(Handle::Borrow(id)) => format!("borrow<{}>", name_of(*id)),
        TypeDefKind::Resource => format!("resource {}", name.unwrap_or_default()),
        // No contract of ours has one of these: the kind's name is enough to differ.
        TypeDefKind::Map(..)
        | TypeDefKind::FixedLengthList(..)
        | TypeDefKind::Future(_)
        | TypeDefKind::Stream(_)
        | TypeDefKind::Unknown => kind.as_str().to_owned(),
    }
}

fn braces(word: &str, parts: impl Iterator<Item = String>) -> String {
    format!("{word} {{ {} }}", parts.collect::<Vec<_>>().join(", "))
}
