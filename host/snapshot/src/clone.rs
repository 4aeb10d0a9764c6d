//! Clones a tree on one machine: by reflink where the file system shares blocks, else by copying.
//!
//! Symbolic links stay links, modes and times stay, hard links become files of their own, holes stay holes. A clone counts
//! only when the original stayed as it was meanwhile and every entry of it is there.

mod verify;

use std::{
    fs::File,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use rustix::{
    fs::{AtFlags, FileType, Mode, SeekFrom, Stat, Timespec, Timestamps},
    io::Errno,
};

use self::verify::Seen;
use crate::{
    archive::{DEFAULT_MAX_PATH_BYTES, SafeName, Tree, open_regular},
    error::{ArchiveError, CloneError},
    walk::{Descend, MAX_DEPTH, Met, Skipped, WalkError, walk},
};

/// Threads that copy: more only wait for the disk.
const COPY_THREADS: usize = 2;
/// Files opened ahead of the threads that copy them.
const QUEUED_FILES: usize = 32;

/// What was cloned.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cloned {
    /// Regular files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Symbolic links.
    pub symlinks: u64,
    /// Bytes of content, shared or copied.
    pub bytes: u64,
    /// Files that share their blocks with the original.
    pub reflinked: u64,
    /// Sockets, pipes and devices, left out.
    pub skipped: Skipped,
}

struct Job {
    name: SafeName,
    source: OwnedFd,
    stat: Stat,
}

/// What the copying threads share.
#[derive(Default)]
struct Shared {
    no_reflink: AtomicBool,
    reflinked: AtomicU64,
    files: AtomicU64,
    bytes: AtomicU64,
    error: Mutex<Option<ArchiveError>>,
    failed: AtomicBool,
}

/// Clones the tree at `source` to `target`, which is made, or is an empty directory. It blocks.
///
/// # Errors
///
/// Where `target` holds something or lies inside `source`. [`CloneError::Partial`] where a file cannot be read or
/// written, [`CloneError::Changed`] where the original did not stay as it was, and [`CloneError::Differs`] where the clone
/// is another: after these the caller wipes `target`.
pub fn clone_tree(source: &Path, target: &Path) -> Result<Cloned, CloneError> {
    prepare(source, target)?;
    let partial = |source| CloneError::Partial { target: target.to_owned(), source: Box::new(source) };
    let from = Tree::open(source).map_err(partial)?;
    let mut to = Tree::open(target).map_err(partial)?;
    let shared = Shared::default();
    let mut walker = Walker { cloned: Cloned::default(), seen: Seen::default(), directories: Vec::new(), jobs: None };
    let (jobs, queue) = sync_channel(QUEUED_FILES);
    let queue = Mutex::new(queue);
    let walked = thread::scope(|scope| {
        let (queue, shared) = (&queue, &shared);
        let threads: Vec<_> = (0..COPY_THREADS).map(|_| scope.spawn(move || copy_all(target, queue, shared))).collect();
        walker.jobs = Some(jobs);
        let walked = walk(from.root(), |met| walker.visit(&mut to, &met, shared));
        walker.jobs = None;
        for thread in threads {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
        walked
    });
    // A thread's own error says more than that the walk was stopped by it.
    if let Some(error) = shared.error.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(partial(error));
    }
    walked.map_err(|error| partial(archive_error(error)))?;
    walker.finish_directories(&mut to).map_err(partial)?;
    let root = rustix::fs::fstat(from.root());
    root.and_then(|stat| set_attributes(to.root(), &stat))
        .map_err(|errno| partial(write_failed(Path::new("."), errno)))?;
    walker.seen.verify(&from, &mut to).map_err(|unlike| unlike.into_error(target))?;
    let mut cloned = walker.cloned;
    cloned.files = shared.files.into_inner();
    cloned.bytes = shared.bytes.into_inner();
    cloned.reflinked = shared.reflinked.into_inner();
    Ok(cloned)
}

fn prepare(source: &Path, target: &Path) -> Result<(), CloneError> {
    let failed = |source| CloneError::MakeTarget { target: target.to_owned(), source };
    std::fs::create_dir_all(target).map_err(failed)?;
    if std::fs::read_dir(target).map_err(failed)?.next().is_some() {
        return Err(CloneError::TargetNotEmpty { target: target.to_owned() });
    }
    let inner = target.canonicalize().map_err(failed)?;
    let outer = source.canonicalize().map_err(failed)?;
    if inner.starts_with(&outer) {
        return Err(CloneError::TargetInside { target: target.to_owned() });
    }
    Ok(())
}

/// The walking thread: makes directories and links, and hands files to the others.
struct Walker {
    cloned: Cloned,
    seen: Seen,
    /// Their modes and times are set last: a file made in one changes its time, and one may be read-only.
    directories: Vec<(SafeName, Stat)>,
    /// `None` once closed, which ends the threads.
    jobs: Option<SyncSender<Job>>,
}

/// The walk ends because a copying thread failed or its error says why.
enum Stop {
    Thread,
    Error(ArchiveError),
}

impl Walker {
    fn visit(&mut self, to: &mut Tree, met: &Met<'_>, shared: &Shared) -> Result<Descend, Stop> {
        if shared.failed.load(Ordering::Relaxed) {
            return Err(Stop::Thread);
        }
        self.seen.note(met);
        let path = met.path.as_os_str().as_bytes();
        let name =
            SafeName::check(path, DEFAULT_MAX_PATH_BYTES).map_err(Stop::Error)?.expect("a walk never names its root");
        let read_failed =
            |errno: Errno| Stop::Error(ArchiveError::ReadTree { path: met.path.to_owned(), source: errno.into() });
        match met.kind {
            FileType::Directory => {
                to.create_directory(&name).map_err(Stop::Error)?;
                self.cloned.directories += 1;
                self.directories.push((name, met.stat));
            }
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(met.parent, met.name, Vec::new()).map_err(read_failed)?;
                to.create_symlink(&name, target.as_bytes(), None).map_err(Stop::Error)?;
                let parent = to.existing_parent(&name).map_err(Stop::Error)?;
                let (_, last) = name.split();
                rustix::fs::utimensat(parent, last, &times(&met.stat), AtFlags::SYMLINK_NOFOLLOW)
                    .map_err(|errno| Stop::Error(write_failed(met.path, errno)))?;
                self.cloned.symlinks += 1;
            }
            FileType::RegularFile => {
                let source = open_regular(met.parent, met.name).map_err(read_failed)?;
                let stat = rustix::fs::fstat(&source).map_err(read_failed)?;
                let job = Job { name, source, stat };
                let jobs = self.jobs.as_ref().expect("it is closed after the walk");
                jobs.send(job).map_err(|_| Stop::Thread)?;
            }
            FileType::Fifo
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown => self.cloned.skipped.add(met.path),
        }
        Ok(Descend::Yes)
    }

    fn finish_directories(&mut self, to: &mut Tree) -> Result<(), ArchiveError> {
        // Children first: a parent without the execute bit would hide them.
        for (name, stat) in self.directories.drain(..).rev() {
            let parent = to.existing_parent(&name)?;
            let (_, last) = name.split();
            open_directory(parent, last)
                .and_then(|fd| set_attributes(&fd, &stat))
                .map_err(|errno| write_failed(name.path(), errno))?;
        }
        Ok(())
    }
}

fn copy_all(target: &Path, queue: &Mutex<Receiver<Job>>, shared: &Shared) {
    let result = Tree::open(target).and_then(|mut tree| {
        loop {
            let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            match job {
                // The queue is emptied after a failure, or the walking thread would wait for ever.
                Ok(_) if shared.failed.load(Ordering::Relaxed) => {}
                Ok(job) => copy_one(&mut tree, &job, shared).inspect_err(|_| {
                    shared.failed.store(true, Ordering::Relaxed);
                })?,
                Err(_) => return Ok(()),
            }
        }
    });
    if let Err(error) = result {
        shared.failed.store(true, Ordering::Relaxed);
        shared.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

fn copy_one(tree: &mut Tree, job: &Job, shared: &Shared) -> Result<(), ArchiveError> {
    let file = tree.create_file(&job.name)?;
    let size = u64::try_from(job.stat.st_size).expect("a file's size is not negative");
    let failed = |errno| write_failed(job.name.path(), errno);
    if size > 0 && reflink(&file, &job.source, shared).map_err(failed)? {
        shared.reflinked.fetch_add(1, Ordering::Relaxed);
    } else {
        copy_content(&job.source, &file, size, &job.stat)
            .map_err(|source| ArchiveError::Write { path: job.name.path().to_owned(), source })?;
    }
    set_attributes(&file, &job.stat).map_err(failed)?;
    shared.files.fetch_add(1, Ordering::Relaxed);
    shared.bytes.fetch_add(size, Ordering::Relaxed);
    Ok(())
}

/// Whether the file now shares the blocks of its source; once a file system has said no it is not asked again.
#[cfg(target_os = "linux")]
fn reflink(file: &File, source: &OwnedFd, shared: &Shared) -> Result<bool, Errno> {
    if shared.no_reflink.load(Ordering::Relaxed) {
        return Ok(false);
    }
    match rustix::fs::ioctl_ficlone(file, source) {
        Ok(()) => Ok(true),
        Err(Errno::OPNOTSUPP | Errno::NOTTY | Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::PERM) => {
            shared.no_reflink.store(true, Ordering::Relaxed);
            Ok(false)
        }
        Err(errno) => Err(errno),
    }
}

#[cfg(not(target_os = "linux"))]
fn reflink(_: &File, _: &OwnedFd, _: &Shared) -> Result<bool, Errno> {
    Ok(false)
}

/// Copies data and keeps holes where there are any.
fn copy_content(source: &OwnedFd, file: &File, size: u64, stat: &Stat) -> io::Result<()> {
    let allocated = u64::try_from(stat.st_blocks).unwrap_or(0) * 512;
    let mut source = File::from(source.try_clone()?);
    let mut file = file;
    if allocated >= size {
        let copied = io::copy(&mut io::Read::by_ref(&mut source), &mut file)?;
        return if copied < size { Err(shrank()) } else { Ok(()) };
    }
    rustix::fs::ftruncate(file, size)?;
    let mut at = 0;
    while at < size {
        let start = match rustix::fs::seek(&source, SeekFrom::Data(at)) {
            Ok(start) => start,
            // There is only a hole from here to the end.
            Err(Errno::NXIO) => return Ok(()),
            Err(errno) => return Err(errno.into()),
        };
        let end = rustix::fs::seek(&source, SeekFrom::Hole(start))?;
        rustix::fs::seek(&source, SeekFrom::Start(start))?;
        rustix::fs::seek(file, SeekFrom::Start(start))?;
        let copied = io::copy(&mut io::Read::take(&mut source, end - start), &mut file)?;
        if copied < end - start {
            return Err(shrank());
        }
        at = end;
    }
    Ok(())
}

fn open_directory(parent: impl AsFd, name: &[u8]) -> Result<OwnedFd, Errno> {
    use rustix::fs::OFlags;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(parent, name, flags, Mode::empty())
}

/// Mode and times as they were; owners stay those of the caller.
fn set_attributes(fd: impl AsFd, stat: &Stat) -> Result<(), Errno> {
    rustix::fs::fchmod(&fd, Mode::from_raw_mode(stat.st_mode & 0o7777))?;
    rustix::fs::futimens(&fd, &times(stat))
}

#[expect(clippy::cast_possible_wrap, reason = "nanoseconds are below a billion")]
fn times(stat: &Stat) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: stat.st_atime, tv_nsec: stat.st_atime_nsec as _ },
        last_modification: Timespec { tv_sec: stat.st_mtime, tv_nsec: stat.st_mtime_nsec as _ },
    }
}

fn archive_error(error: WalkError<Stop>) -> ArchiveError {
    match error {
        WalkError::Read { path, source } => ArchiveError::ReadTree { path, source },
        WalkError::TooDeep { path } => ArchiveError::TooDeep { path, limit: MAX_DEPTH },
        WalkError::Visitor(Stop::Error(error)) => error,
        WalkError::Visitor(Stop::Thread) => ArchiveError::Output { source: io::Error::other("a copying thread ended") },
    }
}

fn write_failed(path: &Path, errno: Errno) -> ArchiveError {
    ArchiveError::Write { path: PathBuf::from(path), source: errno.into() }
}

fn shrank() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "it shrank while it was read")
}
