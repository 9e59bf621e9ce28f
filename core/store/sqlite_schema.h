// The tables of the SQLite store and how older files are brought up to them.
// Used by sqlite_store.cc only. Thread rule: one thread at a time per connection.
#pragma once

#include "core/store/sqlite.h"

namespace heald {

// Makes or migrates the tables. Refuses a file of another program or of a newer heald.
Status PrepareSchema(Sqlite* db);
// The same checks for a reader, which changes nothing.
Status CheckSchema(Sqlite* db);

}  // namespace heald
