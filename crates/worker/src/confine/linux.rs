//! Confinement on Linux. Each part stands alone: what the kernel lacks is reported, and the others still hold.

use std::collections::BTreeMap;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetStatus, Scope,
};
use nks_sandbox::protocol::Confinement;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter_all_threads,
};

use super::MEMORY;

type Outcome = Result<(), Box<dyn std::error::Error>>;

pub(super) fn confine(cache: Option<&Path>, prepare: impl FnOnce()) -> Confinement {
    let say = |outcome: Outcome| outcome.map_err(|problem| problem.to_string());
    let landlock = say(files(cache));
    prepare();
    Confinement {
        rlimits: say(limits(cache.is_some())),
        seccomp: say(calls(cache.is_some())),
        landlock,
    }
}

#[expect(
    unsafe_code,
    reason = "confinement: closing a descriptor by its number has no safe form"
)]
pub(super) fn close_inherited() {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else {
        return;
    };
    let open: Vec<i32> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|&number| number > 2)
        .collect();
    for number in open {
        // SAFETY: called first of all, when nothing in this process holds a descriptor of its own. The one that listed
        // the folder is closed already; closing it again is an error that the kernel reports and nobody needs.
        unsafe { libc::close(number) };
    }
}

/// Landlock: no file but those of the cache's folder, no TCP, no signal to and no abstract socket of other processes.
/// An older kernel enforces what it knows of these; sockets are out by seccomp as well.
fn files(cache: Option<&Path>) -> Outcome {
    let abi = ABI::V6;
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?;
    if let Some(folder) = cache {
        let access = AccessFs::ReadFile
            | AccessFs::WriteFile
            | AccessFs::Truncate
            | AccessFs::MakeReg
            | AccessFs::RemoveFile;
        rules = rules.add_rule(PathBeneath::new(PathFd::new(folder)?, access))?;
    }
    match rules.restrict_self()?.ruleset {
        RulesetStatus::NotEnforced => Err("this kernel has no landlock".into()),
        _ => Ok(()),
    }
}

fn limits(cache: bool) -> Outcome {
    let file = if cache { crate::cache::MAX_FILE } else { 0 };
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    for (resource, most) in [
        (Resource::Data, MEMORY),
        (Resource::Core, 0),
        (Resource::Nproc, 0),
        (Resource::Fsize, file),
        (Resource::Nofile, 16),
        (Resource::Memlock, 0),
    ] {
        let most = getrlimit(resource)
            .maximum
            .map_or(most, |now| now.min(most));
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        setrlimit(resource, limit)?;
    }
    Ok(())
}

/// Sets how much memory may be written to, below the limit that is there for good.
pub(super) fn soft_memory(most: u64) {
    let maximum = getrlimit(Resource::Data).maximum;
    let current = Some(maximum.map_or(most, |maximum| maximum.min(most)));
    // Outside a worker (in `nks-precompile`, in tests) nobody compiles what strangers wrote, so no limit is set.
    if maximum.is_some_and(|maximum| maximum <= MEMORY) {
        let _ = setrlimit(Resource::Data, Rlimit { current, maximum });
    }
}

/// Seccomp, on all threads. Whatever is not listed ends the process.
fn calls(cache: bool) -> Outcome {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    let files: &[i64] = if cache { FILE_CALLS } else { &[] };
    for &call in CALLS.iter().chain(files) {
        rules.insert(call, Vec::new());
    }
    // Memory is writable or executable, never both.
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        rules.insert(call, not_both(2, libc::PROT_WRITE, libc::PROT_EXEC)?);
    }
    rules.insert(libc::SYS_prlimit64, vec![own_memory_limit()?]);
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::KillProcess,
        SeccompAction::Allow,
        std::env::consts::ARCH.try_into()?,
    )?;
    let program: BpfProgram = filter.try_into()?;
    apply_filter_all_threads(&program)?;
    Ok(())
}

/// The bits `one` and `other` of an argument are not both set.
fn not_both(argument: u8, one: i32, other: i32) -> Result<Vec<SeccompRule>, seccompiler::Error> {
    let (one, other) = (one as u64, other as u64);
    [0, one, other]
        .into_iter()
        .map(|value| {
            let equal = SeccompCmpOp::MaskedEq(one | other);
            let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, equal, value)?;
            Ok(SeccompRule::new(vec![condition])?)
        })
        .collect()
}

/// `prlimit64` of this process, for `RLIMIT_DATA` alone.
fn own_memory_limit() -> Result<SeccompRule, seccompiler::Error> {
    let is = |argument, value| {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
    };
    Ok(SeccompRule::new(vec![
        is(0, 0)?,
        is(1, u64::from(libc::RLIMIT_DATA))?,
    ])?)
}

/// The calls of a process that computes, answers on streams that are open already, and may have to abort.
const CALLS: &[i64] = &[
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_membarrier,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_sched_yield,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_getrandom,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_tgkill,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// What the cache needs besides; landlock says in which folder.
const FILE_CALLS: &[i64] = &[
    libc::SYS_openat,
    libc::SYS_statx,
    libc::SYS_fstat,
    libc::SYS_lseek,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    libc::SYS_unlinkat,
];
