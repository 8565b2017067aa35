//! The logs of participants: directories that `multilog t` writes, read as one stream of lines for each participant, and
//! merged in the order of time.
//!
//! Pure are [`label`], [`field`], [`wanted`], [`lines`], [`backward`], [`merge`], [`since`] and [`show`]; they see bytes through the
//! traits [`lines::Bytes`] and [`backward::Blocks`]. The edge are [`files`], [`chain`], [`follow`] and [`progress`].
//!
//! Memory: a buffer of 64 KB for each participant, which grows up to 1 MB where a line is that long; what is longer is
//! shown in pieces. The size of the logs and the number of lines that are asked for make no difference.

// The stamp at the start of a line. *Pure.*
pub(crate) mod label;
// The processes that a line is about. *Pure.*
pub(crate) mod field;
// Which lines are asked for. *Pure.*
pub(crate) mod wanted;
// From the bytes of files that follow each other to the lines that are wanted. *Pure.*
pub(crate) mod lines;
// The same from the end: where the last lines begin. *Pure.*
pub(crate) mod backward;
// Several streams of lines as one, in the order of time. *Pure.*
pub(crate) mod merge;
// From when on. *Pure.*
pub(crate) mod since;
// A line as people read it. *Pure.*
pub(crate) mod show;
// The files of a log directory, in the order of time.
pub(crate) mod files;
// Their bytes, across rotations.
pub(crate) mod chain;
// Waiting for more.
pub(crate) mod follow;
// How far a long read has come, on a terminal.
pub(crate) mod progress;
