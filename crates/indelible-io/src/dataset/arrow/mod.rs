//! Tables of Arrow IPC, in files (Feather, version 2) and streams, through `arrow-ipc`.

mod column;
mod messages;

use super::{
    Loaded, ReadOptions, Reading,
    columns::{EXPECTED, Numbers, Rows, index},
    guard::guarded,
    source::Source,
    table::{Table, Value},
};
use crate::DataError;
use column::{Batch, Column};
use messages::Messages;

/// What a file that is not sound is called in messages.
const FORMAT: &str = "Arrow IPC";

/// Reads a file, whose parts may stand in any order; the parser may panic if it is damaged.
pub(super) fn read_file(source: Source, options: &ReadOptions) -> Result<Loaded, DataError> {
    let file = source.into_plain_file(FORMAT)?;
    guarded(FORMAT, || read(Messages::of_file(file)?, "", options))
}

/// Reads a stream, from front to back.
pub(super) fn read_stream(mut source: Source, options: &ReadOptions) -> Result<Loaded, DataError> {
    let contents = source.contents(FORMAT);
    guarded(FORMAT, || read(Messages::of_stream(contents)?, ", a stream", options))
}

fn read(mut messages: Messages<'_>, how: &str, options: &ReadOptions) -> Result<Loaded, DataError> {
    let schema = messages.schema();
    let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    let index = index(schema.metadata().get("pandas").map(String::as_str), &names);
    let mut table = Table::new(names.len(), names, &index, options)?;
    table.reading = Reading { format: format!("{FORMAT}{how}"), ..table.reading };
    let understood = |at: usize, is_label: bool| -> Result<Column, DataError> {
        let field = schema.fields().get(at);
        let field = field.ok_or_else(|| DataError::malformed(FORMAT, "a column that is not there"))?;
        let column = Column::new(at, field)
            .and_then(|column| Ok(Column { missing: column.kind.allowed(is_label, options)?, ..column }));
        column.map_err(|what| {
            DataError::unsupported(format!("column '{}' of {what}", table.name(at)), EXPECTED)
        })
    };
    let label = table.label.map(|at| understood(at, true)).transpose()?;
    let mut columns: Vec<Column> =
        table.features.iter().map(|&at| understood(at, false)).collect::<Result<_, _>>()?;
    let mut numbers = Numbers::new(FORMAT, columns.iter().map(|column| &column.kind), options)?;
    messages.choose(columns.iter().chain(&label).map(|column| column.place).collect());
    while let Some(batch) = messages.next()? {
        let batch = Batch { arrays: batch, first: table.samples };
        let rows = batch.arrays.num_rows();
        if table.samples == 0 && rows > 0 {
            for (slot, column) in columns.iter_mut().enumerate().filter(|(_, column)| column.kind.list) {
                column.width = batch.length(slot, column)?;
            }
        }
        let widths: Vec<usize> = columns.iter().map(|column| column.width).collect();
        let taken = Taken { batch, columns: &columns, label: label.as_ref() };
        numbers.take(&mut table, &taken, rows, &widths)?;
    }
    let shapes =
        columns.iter().map(|column| (column.name.as_str(), column.kind.list.then_some(column.width)));
    numbers.finish(table, shapes)
}

/// A batch, in which the features come before the label.
struct Taken<'a> {
    batch: Batch,
    columns: &'a [Column],
    label: Option<&'a Column>,
}

impl Rows for Taken<'_> {
    fn feature(
        &self,
        position: usize,
        rows: usize,
        put: impl FnMut(Value<'_>) -> Result<(), String>,
    ) -> Result<(), DataError> {
        let column = self.columns.get(position);
        let column = column.ok_or_else(|| DataError::malformed(FORMAT, "a column that is not there"))?;
        self.batch.read(position, column, rows, put)
    }

    fn labels(&self, rows: usize, put: impl FnMut(Value<'_>) -> Result<(), String>) -> Result<(), DataError> {
        self.label.map_or(Ok(()), |column| self.batch.read(self.columns.len(), column, rows, put))
    }
}
