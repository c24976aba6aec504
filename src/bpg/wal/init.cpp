#include "bpg/wal/init.hpp"

#include "bpg/postgres/control_file.hpp"
#include "bpg/wal/archive.hpp"

namespace bpg::wal {

void init(const InitRequest& request) {
  const auto control = postgres::read_control_file(request.data_directory);
  Archive::create(request.archive,
                  {.system_identifier = control.system_identifier,
                   .segment_size = control.wal_segment_size,
                   .volume = request.volume},
                  request.owner);
}

}  // namespace bpg::wal
