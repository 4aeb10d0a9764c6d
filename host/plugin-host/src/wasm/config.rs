//! The one place that configures wasmtime.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use wasmtime::{Cache, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, WasmFeatures};

use super::{cache, space, ticker};
use crate::error::HostError;

/// Stack of a guest in bytes; what recurses deeper is trapped.
const GUEST_STACK: usize = 512 << 10;
/// Stack of a fiber in bytes: the guest's and what host functions need on top of it.
const FIBER_STACK: usize = 2 << 20;
/// Frames of a guest's backtrace that are kept.
const BACKTRACE_FRAMES: usize = 16;
/// Stores that live at once in one host: every build has a policy run and every exec a parser session.
pub(crate) const MAX_LIVE_STORES: u32 = 256;
/// The largest memory a pooled guest may have in bytes, above every role's default limit.
const POOLED_MEMORY: usize = 512 << 20;
/// Address space reserved for a memory in bytes, when memories are not pooled. It may grow beyond by moving.
const RESERVATION: u64 = 64 << 20;
/// Guard after a memory in bytes, when memories are not pooled.
const GUARD: u64 = 64 << 10;
/// Elements of a pooled table: a bundled Python interpreter needs some ten thousand.
const POOLED_TABLE: usize = 100_000;
/// Metadata of one instance in bytes: a bundled interpreter has many imports.
const INSTANCE_METADATA: usize = 10 << 20;

/// How a call is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metering {
    /// By time: guests yield every 10 ms, and what they computed is counted there.
    Wall,
    /// By this much fuel a call, the same on every machine: for the simulator and the back-test.
    Fuel(u64),
}

/// Whether memories and stacks are allocated ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// Where the machine has the address space for it.
    Auto,
    /// Never.
    Off,
}

/// How an engine is to be.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Where compiled code is kept, mode 0700; none compiles at every start.
    pub cache_folder: Option<PathBuf>,
    /// How calls are bounded.
    pub metering: Metering,
    /// Whether memories are allocated ahead.
    pub pooling: Pooling,
}

impl Default for EngineOptions {
    fn default() -> EngineOptions {
        EngineOptions { cache_folder: None, metering: Metering::Wall, pooling: Pooling::Auto }
    }
}

/// A configured engine with its ticker and its cache.
#[derive(Clone)]
pub struct PluginEngine {
    pub(crate) engine: Engine,
    pub(crate) cache: Option<Cache>,
    pub(crate) metering: Metering,
    pooled: bool,
}

impl PluginEngine {
    /// Builds the engine and starts its ticker.
    ///
    /// # Errors
    /// [`HostError`] when the cache folder cannot be used or wasmtime refuses the configuration.
    pub fn new(options: &EngineOptions) -> Result<PluginEngine, HostError> {
        let cache = options.cache_folder.as_deref().map(cache::open).transpose()?;
        let wants_pool = options.pooling == Pooling::Auto && space::is_ample();
        let pooled = wants_pool.then(|| build(options.metering, cache.clone(), true));
        // A machine may grant the address space and still refuse this much of it.
        let (engine, pooled) = match pooled {
            Some(Ok(engine)) => (engine, true),
            Some(Err(_)) | None => (build(options.metering, cache.clone(), false)?, false),
        };
        if options.metering == Metering::Wall {
            ticker::start(&engine).map_err(HostError::Threads)?;
        }
        Ok(PluginEngine { engine, cache, metering: options.metering, pooled })
    }

    /// Whether memories are allocated ahead.
    pub fn is_pooled(&self) -> bool {
        self.pooled
    }
}

fn build(metering: Metering, cache: Option<Cache>, pooled: bool) -> Result<Engine, HostError> {
    let mut config = Config::new();
    config
        .concurrency_support(false)
        .native_unwind_info(false)
        .wasm_backtrace_max_frames(NonZeroUsize::new(BACKTRACE_FRAMES))
        .max_wasm_stack(GUEST_STACK)
        .async_stack_size(FIBER_STACK)
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(true)
        .relaxed_simd_deterministic(true)
        .cache(cache);
    proposals(&mut config);
    match metering {
        Metering::Wall => config.epoch_interruption(true),
        Metering::Fuel(_) => config.consume_fuel(true),
    };
    if pooled {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
    } else {
        config
            .allocation_strategy(InstanceAllocationStrategy::OnDemand)
            .memory_reservation(RESERVATION)
            .memory_guard_size(GUARD);
    }
    Engine::new(&config).map_err(|error| HostError::Engine { reason: format!("{error:#}") })
}

/// Switches off what no contract of ours needs: less to attack, and no surprise after an update.
fn proposals(config: &mut Config) {
    let unused = WasmFeatures::GC
        | WasmFeatures::EXCEPTIONS
        | WasmFeatures::FUNCTION_REFERENCES
        | WasmFeatures::THREADS
        | WasmFeatures::SHARED_EVERYTHING_THREADS
        | WasmFeatures::MEMORY64
        | WasmFeatures::CUSTOM_PAGE_SIZES
        | WasmFeatures::STACK_SWITCHING
        | WasmFeatures::WIDE_ARITHMETIC
        | WasmFeatures::CM_MAP
        | WasmFeatures::CM_IMPLEMENTS
        | WasmFeatures::CM_FIXED_LENGTH_LISTS;
    config.wasm_features(unused, false);
}

/// Sizes the pool for [`MAX_LIVE_STORES`] stores of a few memories and tables each.
fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(MAX_LIVE_STORES * 2)
        .total_core_instances(MAX_LIVE_STORES * 16)
        .total_memories(MAX_LIVE_STORES * 2)
        .total_tables(MAX_LIVE_STORES * 4)
        .total_stacks(MAX_LIVE_STORES * 2)
        .max_core_instances_per_component(64)
        .max_memories_per_component(8)
        .max_tables_per_component(32)
        .max_memories_per_module(8)
        .max_tables_per_module(16)
        .max_memory_size(POOLED_MEMORY)
        .max_core_instance_size(INSTANCE_METADATA)
        .max_component_instance_size(INSTANCE_METADATA)
        .table_elements(POOLED_TABLE);
    pool
}
