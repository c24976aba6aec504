#include "bpg/wal/head.hpp"

#include <cstring>

#include <fmt/format.h>

#include "bpg/util/text.hpp"
#include "bpg/wal/lines.hpp"

namespace bpg::wal {

namespace {

constexpr uint32_t skippable_magic = 0x184D2A50;  // RFC 8878, 3.1.2; LZ4 frame format 1.6.1
constexpr size_t frame_header = 8;
constexpr size_t capacity = Head::stored_size - frame_header;
constexpr size_t room_for_seal = 64;

std::string number_of(Time time) { return fmt::to_string(time.time_since_epoch().count()); }

std::optional<Time> read_time(std::string_view text) {
  const auto number = parse_number<int64_t>(text);
  return number ? std::optional(Time{std::chrono::microseconds(*number)}) : std::nullopt;
}

void add_lsn(Lines& lines, std::string_view key, const std::optional<Lsn>& lsn) {
  if (lsn) {
    lines.add(key, lsn->str());
  }
}

void add_summary(Lines& lines, const Summary& summary) {
  add_lsn(lines, "first-record", summary.first_record);
  add_lsn(lines, "last-record", summary.last_record);
  add_lsn(lines, "end", summary.end);
  lines.add("commits", summary.commits);
  lines.add("aborts", summary.aborts);
  if (const auto& times = summary.commit_times) {
    lines.add("commit-times", fmt::format("{} {}", number_of(times->earliest), number_of(times->latest)));
  }
  if (const auto& xids = summary.xids) {
    lines.add("xids", fmt::format("{} {}", xids->oldest, xids->newest));
  }
  if (summary.switched) {
    lines.add("switched", "yes");
  }
  add_lsn(lines, "straddler", summary.straddler);
  add_lsn(lines, "broken-at", summary.broken_at);
}

std::string encode_point(const PlacedRestorePoint& point) {
  return fmt::format("{} {} {} {}", point.start.str(), point.end.str(), number_of(point.time), escape(point.name));
}

std::optional<PlacedRestorePoint> decode_point(std::string_view text) {
  const auto words = split(text, ' ');
  if (words.size() != 4) {
    return std::nullopt;
  }
  const auto start = Lsn::parse(words[0]);
  const auto end = Lsn::parse(words[1]);
  const auto time = read_time(words[2]);
  if (!start || !end || !time) {
    return std::nullopt;
  }
  return PlacedRestorePoint{*start, *end, *time, unescape(words[3])};
}

std::optional<Lsn> find_lsn(const Lines& lines, std::string_view key) {
  const auto text = lines.find(key);
  return text ? Lsn::parse(*text) : std::nullopt;
}

/// Both numbers of "A B".
template <class Value, class Read>
std::optional<std::pair<Value, Value>> find_pair(const Lines& lines, std::string_view key, Read read) {
  const auto text = lines.find(key);
  const auto words = text ? split(*text, ' ') : std::vector<std::string_view>{};
  if (words.size() != 2) {
    return std::nullopt;
  }
  const auto first = read(words[0]);
  const auto second = read(words[1]);
  return first && second ? std::optional(std::pair(*first, *second)) : std::nullopt;
}

std::optional<Summary> find_summary(const Lines& lines) {
  const auto end = find_lsn(lines, "end");
  if (!end) {
    return std::nullopt;
  }
  Summary summary{.first_record = find_lsn(lines, "first-record"),
                  .last_record = find_lsn(lines, "last-record"),
                  .end = *end,
                  .commits = lines.find_number("commits").value_or(0),
                  .aborts = lines.find_number("aborts").value_or(0)};
  if (const auto times = find_pair<Time>(lines, "commit-times", read_time)) {
    summary.commit_times = Summary::Times{times->first, times->second};
  }
  if (const auto xids = find_pair<uint32_t>(lines, "xids", parse_number<uint32_t>)) {
    summary.xids = Summary::Xids{xids->first, xids->second};
  }
  summary.switched = lines.find("switched").has_value();
  summary.straddler = find_lsn(lines, "straddler");
  summary.broken_at = find_lsn(lines, "broken-at");
  for (const std::string_view text : lines.find_all("restore-point")) {
    if (auto point = decode_point(text)) {
      summary.restore_points.push_back(std::move(*point));
    }
  }
  return summary;
}

}  // namespace

std::string Head::encode() const {
  Lines lines;
  lines.add("betterpg-wal", 1);
  lines.add("name", name.text);
  lines.add("codec", to_string(codec));
  lines.add("size", size);
  lines.add("xxh128", hash);
  lines.add("boot", boot);
  if (source) {
    lines.add("source", source->str());
  }
  if (summary) {
    add_summary(lines, *summary);
    size_t room = capacity - room_for_seal - lines.seal().size();
    bool complete = restore_points_complete;
    for (const PlacedRestorePoint& point : summary->restore_points) {
      const std::string text = encode_point(point);
      const size_t needed = text.size() + std::strlen("restore-point \n");
      if (needed > room) {
        complete = false;
        break;
      }
      room -= needed;
      lines.add("restore-point", text);
    }
    if (!complete) {
      lines.add("restore-points", "incomplete");
    }
  }
  std::string text = lines.seal();
  text.resize(capacity, '\0');
  std::string bytes(frame_header, '\0');
  const uint32_t length = capacity;
  std::memcpy(bytes.data(), &skippable_magic, 4);
  std::memcpy(bytes.data() + 4, &length, 4);
  return bytes + text;
}

std::optional<Head> Head::decode(std::string_view bytes) {
  uint32_t magic = 0;
  uint32_t length = 0;
  if (bytes.size() < stored_size) {
    return std::nullopt;
  }
  std::memcpy(&magic, bytes.data(), 4);
  std::memcpy(&length, bytes.data() + 4, 4);
  if (magic != skippable_magic || length != capacity) {
    return std::nullopt;
  }
  const auto lines = Lines::parse(bytes.substr(frame_header, capacity));
  if (!lines || lines->find_number("betterpg-wal") != 1) {
    return std::nullopt;
  }
  const auto name = FileName::parse(lines->find("name").value_or(""));
  const auto codec = parse_codec(lines->find("codec").value_or(""));
  const auto size = lines->find_number("size");
  const auto hash = lines->find("xxh128");
  if (!name || !codec || !size || !hash) {
    return std::nullopt;
  }
  Head head{.name = *name,
            .codec = *codec,
            .size = *size,
            .hash = std::string(*hash),
            .boot = std::string(lines->find("boot").value_or(""))};
  if (const auto source = lines->find("source")) {
    head.source = SourceMark::parse(*source);
  }
  head.summary = find_summary(*lines);
  head.restore_points_complete = !lines->find("restore-points");
  return head;
}

}  // namespace bpg::wal
