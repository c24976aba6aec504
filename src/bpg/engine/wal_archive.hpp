#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bpg/engine/context.hpp"
#include "bpg/wal/archive.hpp"

namespace bpg::engine {

/// Makes the archive of a volume whose files are there, and the copy of bpg-wal that its server will run; nothing where it
/// has one. Safe beside another thread that uses the context.
void make_wal_archive(const Context& context, const VolumeId& volume, const Owner& owner);

/// The archive of a volume that is archived. Throws `Error{storage}` where it is gone.
wal::Archive open_wal_archive(const Context& context, const VolumeId& volume);

/// Success where there is none.
void remove_wal_archive(const Context& context, const VolumeId& volume);

/// The archive_command of the volume's server. The server may outlive this bpg (promise 7): it runs a copy of bpg-wal
/// in betterpg's home, which stays where bpg is removed, and is where the servers' account may go.
std::string archive_command(const Context& context, const VolumeId& volume);

/// The restore_command of a server that recovers from this volume's archive. It only reads there.
std::string restore_command(const Context& context, const VolumeId& volume);

}  // namespace bpg::engine
