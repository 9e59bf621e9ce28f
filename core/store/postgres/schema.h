// The tables of the PostgreSQL store, and how older ones are brought up to date. Used by
// database.cc. Thread rule: one thread at a time per connection.
#pragma once

#include "core/store/postgres/connection.h"

namespace heald::postgres {

// Makes or migrates the tables, one transaction per step. Refuses those of a newer heald. The
// caller holds the writer's lock.
Status PrepareSchema(Connection* connection, const Target& target);
// The same checks for a reader, which changes nothing.
Status CheckSchema(Connection* connection, const Target& target);

}  // namespace heald::postgres
