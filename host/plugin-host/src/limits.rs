//! How much a plugin may use. Every number is a setting; the defaults are explained in `docs/plugins-limits.md`.

use std::time::Duration;

use crate::role::Role;

/// Bytes in a MiB.
const MIB: usize = 1 << 20;

/// The limits of one plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Core instances of one store; a bundled interpreter has some twenty.
    pub instances: usize,
    /// Memories of one store.
    pub memories: usize,
    /// Tables of one store.
    pub tables: usize,
    /// Elements of all tables of one store.
    pub table_elements: usize,
    /// Handles to resources that live at once in one store.
    pub handles: usize,
    /// Of evaluations of trees.
    pub builder: RoleLimits,
    /// Of estimates.
    pub estimator: RoleLimits,
    /// Of decisions.
    pub policy: RoleLimits,
    /// Time to begin a run; its memory is the policy's.
    pub policy_open: CallTime,
    /// Of reading output.
    pub parser: RoleLimits,
    /// Of calls to a pool.
    pub pool: RoleLimits,
}

/// The limits of one role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoleLimits {
    /// Bytes of all memories of a store together.
    pub memory_bytes: usize,
    /// Bytes that one answer, or one call to the host, may take on the host's side.
    pub answer_bytes: usize,
    /// How long one call may compute; of a pool, which waits for others, how long it may take.
    pub time: CallTime,
}

/// The time of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallTime {
    /// Whatever its size.
    pub base: Duration,
    /// More for every thousand tests, items, subjects or files that it is about.
    pub per_thousand: Duration,
}

impl CallTime {
    const fn new(base_ms: u64, per_thousand_ms: u64) -> CallTime {
        CallTime { base: Duration::from_millis(base_ms), per_thousand: Duration::from_millis(per_thousand_ms) }
    }

    /// The limit of a call about this many things.
    pub fn of(self, count: usize) -> Duration {
        let thousands = u32::try_from(count.div_ceil(1000)).unwrap_or(u32::MAX);
        self.base.saturating_add(self.per_thousand.saturating_mul(thousands))
    }
}

impl Limits {
    /// The limits of this role.
    pub fn of(&self, role: Role) -> &RoleLimits {
        match role {
            Role::Builder => &self.builder,
            Role::Estimator => &self.estimator,
            Role::Policy => &self.policy,
            Role::Parser => &self.parser,
            Role::Pool => &self.pool,
        }
    }

    /// The limits of this role, to change.
    pub fn of_mut(&mut self, role: Role) -> &mut RoleLimits {
        match role {
            Role::Builder => &mut self.builder,
            Role::Estimator => &mut self.estimator,
            Role::Policy => &mut self.policy,
            Role::Parser => &mut self.parser,
            Role::Pool => &mut self.pool,
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        let role = |memory: usize, answer: usize, time: CallTime| RoleLimits {
            memory_bytes: memory * MIB,
            answer_bytes: answer * MIB,
            time,
        };
        Limits {
            instances: 64,
            memories: 4,
            tables: 16,
            table_elements: 200_000,
            handles: 1024,
            builder: role(256, 128, CallTime::new(5_000, 100)),
            estimator: role(64, 32, CallTime::new(200, 50)),
            policy: role(64, 16, CallTime::new(50, 5)),
            policy_open: CallTime::new(1_000, 50),
            parser: role(32, 32, CallTime::new(1_000, 0)),
            pool: role(128, 16, CallTime::new(30_000, 0)),
        }
    }
}
