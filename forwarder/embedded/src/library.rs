//! libchdb's C interface, behind types that cannot be misused.
//!
//! All `unsafe` that touches the engine is here. Invariants the rest relies on: the library is never unloaded (its threads
//! outlive every connection, so unloading would crash) and therefore lives as `&'static`; every handle is released exactly
//! once, by `Drop`; a connection is used by one thread at a time (`Send`, not `Sync`). The interface is opaque handles and
//! accessor functions, whose signatures were checked against version 26.7.3. Deliberately absent: any meaning of the text.
#![expect(unsafe_code, reason = "the engine is a C library opened at run time")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::ManuallyDrop;
use std::path::Path;
use std::ptr;

use libloading::Library as Dynamic;

/// An opaque handle of the engine.
type Handle = *mut c_void;
type Text = *const c_char;
type QueryFn = unsafe extern "C" fn(
    Handle,
    Text,
    usize,
    Text,
    usize,
    *const Text,
    *const usize,
    *const Text,
    *const usize,
    usize,
) -> Handle;

/// The functions this crate needs; loading fails when one is missing, which is how an older library is told apart.
#[derive(Debug)]
pub(crate) struct Library {
    connect: unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut Handle,
    close: unsafe extern "C" fn(*mut Handle),
    query: QueryFn,
    stream: QueryFn,
    stream_fetch: unsafe extern "C" fn(Handle, Handle) -> Handle,
    stream_cancel: unsafe extern "C" fn(Handle, Handle),
    result_destroy: unsafe extern "C" fn(Handle),
    result_error: unsafe extern "C" fn(Handle) -> Text,
    result_buffer: unsafe extern "C" fn(Handle) -> *const u8,
    result_length: unsafe extern "C" fn(Handle) -> usize,
    result_elapsed: unsafe extern "C" fn(Handle) -> f64,
    result_rows: unsafe extern "C" fn(Handle) -> u64,
    storage_rows: unsafe extern "C" fn(Handle) -> u64,
    storage_bytes: unsafe extern "C" fn(Handle) -> u64,
    written_rows: unsafe extern "C" fn(Handle) -> u64,
    written_bytes: unsafe extern "C" fn(Handle) -> u64,
    insert: unsafe extern "C" fn(Handle, Text, usize, Text, usize) -> Handle,
    insert_append: unsafe extern "C" fn(Handle, *const c_void, usize) -> c_int,
    insert_done: unsafe extern "C" fn(Handle) -> Handle,
    insert_error: unsafe extern "C" fn(Handle) -> Text,
    insert_cancel: unsafe extern "C" fn(Handle),
    insert_destroy: unsafe extern "C" fn(Handle),
    classify: unsafe extern "C" fn(Handle, Text, usize, Text, usize, *mut u32) -> c_int,
    _never_unloaded: ManuallyDrop<Dynamic>,
}

/// One session with the engine.
#[derive(Debug)]
pub(crate) struct Connection {
    library: &'static Library,
    raw: *mut Handle,
}

/// What a finished statement leaves.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pub(crate) data: Vec<u8>,
    pub(crate) elapsed_s: f64,
    pub(crate) result_rows: u64,
    pub(crate) read_rows: u64,
    pub(crate) read_bytes: u64,
    pub(crate) written_rows: u64,
    pub(crate) written_bytes: u64,
}

/// A SELECT whose result comes in pieces; each piece is a complete document of its format.
#[derive(Debug)]
pub(crate) struct Pieces<'c> {
    connection: &'c Connection,
    stream: Handle,
    /// The engine has said the last word: there is nothing to cancel.
    over: bool,
}

/// An INSERT that takes its data in pieces, cut anywhere. Dropping it unfinished inserts nothing.
#[derive(Debug)]
pub(crate) struct Insert<'c> {
    connection: &'c Connection,
    stream: Handle,
    done: bool,
}

/// What the engine's own parser says about a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) statements: u32,
    pub(crate) class: Class,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Read,
    Mutate,
    Global,
    Control,
    Unknown,
}

/// A bound parameter: name and value.
pub(crate) type Param = (String, String);

// SAFETY: the engine keeps no thread-local state for a connection; it only forbids use by two threads at once (no `Sync`).
unsafe impl Send for Connection {}

impl Library {
    /// Opens the file for the life of the process and keeps the engine's hands off the signal handlers.
    pub(crate) fn load(path: &Path) -> Result<&'static Library, libloading::Error> {
        // SAFETY: the file is the pinned engine (the fetch script checks its sum); its initialisers need nothing from us.
        let dynamic = unsafe { Dynamic::new(path) }?;
        macro_rules! symbol {
            ($name:literal) => {{
                // SAFETY: the field this is assigned to has the type of the function of this name in version 26.7.3.
                let symbol = unsafe { dynamic.get($name) }?;
                *symbol
            }};
        }
        let set_signal_handlers: unsafe extern "C" fn(c_int) = symbol!(b"chdb_set_signal_handlers_enabled\0");
        let library = Library {
            connect: symbol!(b"chdb_connect\0"),
            close: symbol!(b"chdb_close_conn\0"),
            query: symbol!(b"chdb_query_with_params_n\0"),
            stream: symbol!(b"chdb_stream_query_with_params_n\0"),
            stream_fetch: symbol!(b"chdb_stream_fetch_result\0"),
            stream_cancel: symbol!(b"chdb_stream_cancel_query\0"),
            result_destroy: symbol!(b"chdb_destroy_query_result\0"),
            result_error: symbol!(b"chdb_result_error\0"),
            result_buffer: symbol!(b"chdb_result_buffer\0"),
            result_length: symbol!(b"chdb_result_length\0"),
            result_elapsed: symbol!(b"chdb_result_elapsed\0"),
            result_rows: symbol!(b"chdb_result_rows_read\0"),
            storage_rows: symbol!(b"chdb_result_storage_rows_read\0"),
            storage_bytes: symbol!(b"chdb_result_storage_bytes_read\0"),
            written_rows: symbol!(b"chdb_result_rows_written\0"),
            written_bytes: symbol!(b"chdb_result_bytes_written\0"),
            insert: symbol!(b"chdb_stream_insert_n\0"),
            insert_append: symbol!(b"chdb_stream_append\0"),
            insert_done: symbol!(b"chdb_stream_done\0"),
            insert_error: symbol!(b"chdb_stream_insert_error\0"),
            insert_cancel: symbol!(b"chdb_stream_cancel_insert\0"),
            insert_destroy: symbol!(b"chdb_destroy_insert_stream\0"),
            classify: symbol!(b"chdb_classify_query_n\0"),
            _never_unloaded: ManuallyDrop::new(dynamic),
        };
        // SAFETY: documented to be called before the first connection, with 0 for "leave them alone".
        unsafe { set_signal_handlers(0) };
        Ok(Box::leak(Box::new(library)))
    }

    /// Opens a session. The engine gives no reason when it refuses: that goes to stderr.
    pub(crate) fn connect(&'static self, arguments: &[String]) -> Option<Connection> {
        let program = std::iter::once("clickhouse");
        let arguments: Vec<CString> = program
            .chain(arguments.iter().map(String::as_str))
            .map(CString::new)
            .collect::<Result<_, _>>()
            .ok()?;
        let mut argv: Vec<*mut c_char> = arguments.iter().map(|text| text.as_ptr().cast_mut()).collect();
        let count = c_int::try_from(argv.len()).ok()?;
        // SAFETY: argv holds `count` pointers to NUL-terminated texts that live across the call; the engine only reads them.
        let raw = unsafe { (self.connect)(count, argv.as_mut_ptr()) };
        // SAFETY: a non-null answer points to the connection's handle, valid until `close`.
        let refused = raw.is_null() || unsafe { *raw }.is_null();
        (!refused).then_some(Connection { library: self, raw })
    }
}

impl Connection {
    /// Runs a statement to its end, with the whole result in memory.
    pub(crate) fn query(&self, sql: &[u8], format: &str, params: &[Param]) -> Result<Output, String> {
        let result = self.call(self.library.query, sql, format, params);
        self.take(result)
    }

    /// Starts a SELECT whose result is fetched piece by piece.
    pub(crate) fn stream(&self, sql: &[u8], format: &str, params: &[Param]) -> Result<Pieces<'_>, String> {
        let stream = self.call(self.library.stream, sql, format, params);
        let mut pieces = Pieces { connection: self, stream, over: true };
        match self.error_of(stream) {
            Some(error) => Err(error),
            None => {
                pieces.over = false;
                Ok(pieces)
            }
        }
    }

    /// Starts an INSERT; `statement` ends before its FORMAT clause.
    pub(crate) fn insert(&self, statement: &[u8], format: &str) -> Result<Insert<'_>, String> {
        let (text, length) = (statement.as_ptr().cast(), statement.len());
        // SAFETY: both texts are passed with their lengths and live across the call.
        let stream = unsafe {
            (self.library.insert)(self.handle(), text, length, format.as_ptr().cast(), format.len())
        };
        let insert = Insert { connection: self, stream, done: false };
        match insert.error() {
            Some(error) => Err(error),
            None => Ok(insert),
        }
    }

    /// What the engine's parser makes of the text, without running it.
    pub(crate) fn classify(&self, sql: &[u8]) -> Option<Verdict> {
        // The first field is the size of the structure, as the interface demands.
        let mut answer: [u32; 4] = [16, 0, 0, 0];
        let none: &[u8] = b"";
        let (text, length) = (sql.as_ptr().cast(), sql.len());
        // SAFETY: the text is passed with its length; the answer is four u32 and says so.
        let status = unsafe {
            (self.library.classify)(self.handle(), text, length, none.as_ptr().cast(), 0, answer.as_mut_ptr())
        };
        let class = match answer[3] {
            0 => Class::Read,
            1 => Class::Mutate,
            2 => Class::Global,
            3 => Class::Control,
            _ => Class::Unknown,
        };
        (status == 0).then_some(Verdict { statements: answer[1], class })
    }

    fn call(&self, function: QueryFn, sql: &[u8], format: &str, params: &[Param]) -> Handle {
        let names: Vec<Text> = params.iter().map(|(name, _)| name.as_ptr().cast()).collect();
        let name_lengths: Vec<usize> = params.iter().map(|(name, _)| name.len()).collect();
        let values: Vec<Text> = params.iter().map(|(_, value)| value.as_ptr().cast()).collect();
        let value_lengths: Vec<usize> = params.iter().map(|(_, value)| value.len()).collect();
        // SAFETY: every text goes with its length, the four arrays have `params.len()` entries, and all live across the call.
        unsafe {
            function(
                self.handle(),
                sql.as_ptr().cast(),
                sql.len(),
                format.as_ptr().cast(),
                format.len(),
                names.as_ptr(),
                name_lengths.as_ptr(),
                values.as_ptr(),
                value_lengths.as_ptr(),
                params.len(),
            )
        }
    }

    fn handle(&self) -> Handle {
        // SAFETY: `connect` checked the pointer, and it stays valid until `drop`.
        unsafe { *self.raw }
    }

    /// The error a result carries; no result at all is one too.
    fn error_of(&self, result: Handle) -> Option<String> {
        if result.is_null() {
            return Some("the engine gave no answer".to_owned());
        }
        // SAFETY: a non-null result is valid until it is destroyed.
        text(unsafe { (self.library.result_error)(result) })
    }

    /// Copies a result out and destroys it.
    fn take(&self, result: Handle) -> Result<Output, String> {
        let library = self.library;
        if let Some(error) = self.error_of(result) {
            self.destroy(result);
            return Err(error);
        }
        // SAFETY: the result is non-null and not yet destroyed; buffer and length belong together and are read before that.
        let output = unsafe {
            let buffer = (library.result_buffer)(result);
            let length = (library.result_length)(result);
            let empty = buffer.is_null() || length == 0;
            Output {
                data: if empty { Vec::new() } else { std::slice::from_raw_parts(buffer, length).to_vec() },
                elapsed_s: (library.result_elapsed)(result),
                result_rows: (library.result_rows)(result),
                read_rows: (library.storage_rows)(result),
                read_bytes: (library.storage_bytes)(result),
                written_rows: (library.written_rows)(result),
                written_bytes: (library.written_bytes)(result),
            }
        };
        self.destroy(result);
        Ok(output)
    }

    fn destroy(&self, result: Handle) {
        if !result.is_null() {
            // SAFETY: the caller gives up a result that it alone holds.
            unsafe { (self.library.result_destroy)(result) };
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: opened by `connect`, closed only here; streams borrow the connection and are gone by now.
        unsafe { (self.library.close)(self.raw) };
        self.raw = ptr::null_mut();
    }
}

impl Pieces<'_> {
    /// The next piece, or `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<u8>>, String> {
        if self.over {
            return Ok(None);
        }
        let connection = self.connection;
        // SAFETY: connection and stream are both open.
        let piece = unsafe { (connection.library.stream_fetch)(connection.handle(), self.stream) };
        if piece.is_null() {
            self.over = true;
            return Ok(None);
        }
        let output = connection.take(piece).inspect_err(|_| self.over = true)?;
        self.over = output.data.is_empty();
        Ok((!self.over).then_some(output.data))
    }
}

impl Drop for Pieces<'_> {
    fn drop(&mut self) {
        let connection = self.connection;
        if !self.over {
            // SAFETY: connection and stream are both open, and the query has not ended.
            unsafe { (connection.library.stream_cancel)(connection.handle(), self.stream) };
        }
        connection.destroy(self.stream);
    }
}

impl Insert<'_> {
    pub(crate) fn append(&mut self, data: &[u8]) -> Result<(), String> {
        // SAFETY: the stream is open; the data is passed with its length and copied by the engine.
        let status =
            unsafe { (self.connection.library.insert_append)(self.stream, data.as_ptr().cast(), data.len()) };
        if status == 0 {
            return Ok(());
        }
        Err(self.error().unwrap_or_else(|| "the engine refused the data".to_owned()))
    }

    /// Ends the data; what it returns has been written.
    pub(crate) fn finish(mut self) -> Result<Output, String> {
        self.done = true;
        // SAFETY: the stream is open, and this is the only call that ends it.
        let result = unsafe { (self.connection.library.insert_done)(self.stream) };
        self.connection.take(result)
    }

    fn error(&self) -> Option<String> {
        // SAFETY: the stream is never null and not yet destroyed.
        text(unsafe { (self.connection.library.insert_error)(self.stream) })
    }
}

impl Drop for Insert<'_> {
    fn drop(&mut self) {
        // SAFETY: cancelled only when not ended, destroyed exactly once, here.
        unsafe {
            if !self.done {
                (self.connection.library.insert_cancel)(self.stream);
            }
            (self.connection.library.insert_destroy)(self.stream);
        }
    }
}

/// Copies a C text; null is none.
fn text(text: Text) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: the engine's texts are NUL-terminated and live as long as the handle they came from, which the caller holds.
    Some(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}
