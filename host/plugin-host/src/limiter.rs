//! Holds a store to its limits of memory, tables and instances.

use thiserror::Error;
use wasmtime::ResourceLimiter;

use crate::limits::{Limits, RoleLimits};

/// A guest asked for more than it may have. Ends the call as a trap would.
#[derive(Debug, Error)]
pub(crate) enum LimitReached {
    #[error("its memories would take {wanted} bytes together, and {limit} are allowed")]
    Memory { wanted: usize, limit: usize },
    #[error("its tables would have {wanted} elements together, and {limit} are allowed")]
    Table { wanted: usize, limit: usize },
}

/// Sums what all memories and tables of one store take: a limit of each would be none, since a component may have
/// several.
pub(crate) struct Limiter {
    memory_bytes: usize,
    memory_limit: usize,
    table_elements: usize,
    table_limit: usize,
    instances: usize,
    memories: usize,
    tables: usize,
}

impl Limiter {
    pub(crate) fn new(limits: &Limits, role: &RoleLimits) -> Limiter {
        Limiter {
            memory_bytes: 0,
            memory_limit: role.memory_bytes,
            table_elements: 0,
            table_limit: limits.table_elements,
            instances: limits.instances,
            memories: limits.memories,
            tables: limits.tables,
        }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let wanted = (self.memory_bytes - current.min(self.memory_bytes)).saturating_add(desired);
        if wanted > self.memory_limit {
            return Err(LimitReached::Memory { wanted, limit: self.memory_limit }.into());
        }
        // Past its own declared maximum the growth fails by itself, and must not be counted.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.memory_bytes = wanted;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let wanted = (self.table_elements - current.min(self.table_elements)).saturating_add(desired);
        if wanted > self.table_limit {
            return Err(LimitReached::Table { wanted, limit: self.table_limit }.into());
        }
        // Past its own declared maximum the growth fails by itself, and must not be counted.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.table_elements = wanted;
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.tables
    }

    fn memories(&self) -> usize {
        self.memories
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failure is the test's")]

    use super::*;
    use crate::role::Role;

    #[test]
    fn memories_are_summed() {
        let limits = Limits::default();
        let mut limiter = Limiter::new(&limits, limits.of(Role::Parser));
        assert!(limiter.memory_growing(0, 20 << 20, None).unwrap());
        assert!(limiter.memory_growing(0, 12 << 20, None).unwrap(), "32 MiB are allowed");
        assert!(limiter.memory_growing(12 << 20, 13 << 20, None).is_err(), "no more in the second");
        assert!(limiter.memory_growing(20 << 20, 21 << 20, None).is_err(), "nor in the first");
    }

    #[test]
    fn growth_past_its_own_maximum_is_not_counted() {
        let limits = Limits::default();
        let mut limiter = Limiter::new(&limits, limits.of(Role::Parser));
        assert!(!limiter.memory_growing(0, 30 << 20, Some(1 << 20)).unwrap());
        assert!(limiter.memory_growing(0, 32 << 20, None).unwrap());
    }
}
