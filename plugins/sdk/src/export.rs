//! The macro that makes a crate a plugin.

/// Exports a type as one or more roles: `muster_sdk::export!(MyPlugin: builder, parser);`.
///
/// The type implements the trait of each role: [`Builder`](crate::Builder), [`Estimator`](crate::Estimator),
/// [`Parser`](crate::Parser), [`Policy`](crate::Policy), [`Pool`](crate::Pool). Where one type cannot (both a parser
/// and a policy have a `new`), use the macro once for each type. Natively it does nothing: tests call the traits.
#[macro_export]
macro_rules! export {
    ($plugin:ty : $($role:ident),+ $(,)?) => {
        $(
            #[cfg(target_arch = "wasm32")]
            $crate::__export_role!($role, $plugin);
        )+
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export_role {
    (builder, $plugin:ty) => {
        const _: () = {
            type Exported = $crate::builder::Exported<$plugin>;
    $crate::bindings::builder::export_builder!(Exported with_types_in $crate::bindings::builder);
        };
    };
    (estimator, $plugin:ty) => {
        const _: () = {
            type Exported = $crate::estimator::Exported<$plugin>;
    $crate::bindings::estimator::export_estimator!(Exported with_types_in $crate::bindings::estimator);
        };
    };
    (parser, $plugin:ty) => {
        const _: () = {
            type Exported = $crate::parser::Exported<$plugin>;
    $crate::bindings::parser::export_parser!(Exported with_types_in $crate::bindings::parser);
        };
    };
    (policy, $plugin:ty) => {
        const _: () = {
            type Exported = $crate::policy::Exported<$plugin>;
    $crate::bindings::policy::export_policy!(Exported with_types_in $crate::bindings::policy);
        };
    };
    (pool, $plugin:ty) => {
        const _: () = {
            type Exported = $crate::pool::Exported<$plugin>;
    $crate::bindings::pool::export_pool!(Exported with_types_in $crate::bindings::pool);
        };
    };
}
