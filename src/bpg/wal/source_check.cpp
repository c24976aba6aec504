#include "bpg/wal/source_check.hpp"

#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/wal/history.hpp"
#include "bpg/wal/page.hpp"

namespace bpg::wal {

namespace {

Error refused(const Source& source, std::string_view why) {
  return Error(ErrorCode::refused, fmt::format("{} {}", source.path().string(), why));
}

/// The history of the segment's timeline, which PostgreSQL keeps beside it.
std::optional<History> history_beside(const Source& source) {
  const uint32_t timeline = source.name().timeline;
  const auto text = read_file_if_exists(source.path().parent_path() / fmt::format("{:08X}.history", timeline));
  return text ? History::parse(*text, timeline) : std::nullopt;
}

/// The first pages of a new timeline's first segment are copied from the old one, as they were.
bool timeline_fits(const Source& source, const PageHeader& header) {
  if (header.timeline == source.name().timeline) {
    return true;
  }
  if (header.timeline > source.name().timeline) {
    return false;
  }
  const auto history = history_beside(source);
  return !history || history->timeline_at(header.address) == header.timeline;
}

void check_segment(const Identity& identity, const Source& source, std::span<const std::byte> first) {
  const uint64_t size = source.mark().size;
  const auto number = source.name().number(identity.segment_size);
  if (!number) {
    throw refused(source, fmt::format("has no name that segments of {} bytes have", identity.segment_size));
  }
  if (size != identity.segment_size) {
    throw refused(source, fmt::format("is {} bytes, and segments here are {}", size, identity.segment_size));
  }
  const auto header = PageHeader::read(first);
  if (!header || !header->known_magic() || !header->is_long()) {
    throw refused(source, "does not begin with the header of a WAL segment of PostgreSQL 13 to 18");
  }
  if (header->system_identifier != identity.system_identifier) {
    throw refused(source, fmt::format("is of the cluster {}, and the archive is of {}", header->system_identifier,
                                      identity.system_identifier));
  }
  if (header->segment_size != identity.segment_size) {
    throw refused(source, fmt::format("says that segments are {} bytes, and here they are {}", header->segment_size,
                                      identity.segment_size));
  }
  if (header->address.value != *number * identity.segment_size) {
    throw refused(source, fmt::format("holds the WAL at {}", header->address.str()));
  }
  if (!timeline_fits(source, *header)) {
    throw refused(source, fmt::format("holds WAL of timeline {}", header->timeline));
  }
}

}  // namespace

void check_source(const Identity& identity, const Source& source, std::span<const std::byte> first) {
  if (first.empty()) {
    throw refused(source, "is empty");
  }
  switch (source.name().kind) {
    case FileKind::segment:
    case FileKind::partial:
      check_segment(identity, source, first);
      break;
    case FileKind::history:
      // Histories are short; one that has more to it than was read is judged by its beginning when it is used.
      if (first.size() == source.mark().size &&
          !History::parse({reinterpret_cast<const char*>(first.data()), first.size()}, source.name().timeline)) {
        throw refused(source, fmt::format("is no history of timeline {}", source.name().timeline));
      }
      break;
    case FileKind::backup:
      break;
  }
}

}  // namespace bpg::wal
