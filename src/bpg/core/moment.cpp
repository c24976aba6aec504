#include "bpg/core/moment.hpp"

#include <charconv>

#include <fmt/format.h>

#include "bpg/core/name.hpp"
#include "bpg/core/time_text.hpp"
#include "bpg/util/error.hpp"

namespace bpg {

namespace {

constexpr std::string_view transaction_prefix = "xid:";

AtRestorePoint parse_restore_point(std::string_view text) {
  const std::string_view name = text.substr(1);
  constexpr size_t longest = 63;  // pg_create_restore_point() in xlogfuncs.c
  if (name.empty()) {
    throw Error(ErrorCode::usage, "no name of a restore point follows the '@'", "Say it like @before-v2.");
  }
  if (name.size() > longest) {
    throw Error(ErrorCode::usage, fmt::format("'{}' is longer than {} bytes", name, longest),
                "PostgreSQL makes no restore point of such a name.");
  }
  return {std::string(name)};
}

AtTransaction parse_transaction(std::string_view text) {
  const std::string_view digits = text.substr(transaction_prefix.size());
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || end != digits.data() + digits.size()) {
    throw Error(ErrorCode::usage, fmt::format("'{}' is not a transaction id", digits), "Say it like xid:1234.");
  }
  constexpr uint32_t first_normal = 3;  // FirstNormalTransactionId in transam.h
  if (number < first_normal) {
    throw Error(ErrorCode::usage,
                fmt::format("{} is not a transaction: PostgreSQL keeps the ids below {} for itself", text, first_normal),
                "Say the id of one that changed something, like xid:1234.");
  }
  if (number > UINT32_MAX) {
    throw Error(
        ErrorCode::usage, fmt::format("{} does not fit into 32 bits", text),
        fmt::format("pg_current_xact_id() counts the epochs, too; without them it is xid:{}.", number & UINT32_MAX));
  }
  return {static_cast<uint32_t>(number)};
}

AtLsn parse_lsn(std::string_view text) {
  const auto lsn = Lsn::parse(text);
  if (!lsn) {
    throw Error(ErrorCode::usage, fmt::format("'{}' is not an LSN", text), "Say it like 0/953F5508.");
  }
  if (*lsn == Lsn{}) {
    throw Error(ErrorCode::usage, fmt::format("'{}' is PostgreSQL's invalid LSN", text), "Say it like 0/953F5508.");
  }
  return {*lsn};
}

}  // namespace

Moment parse_moment(std::string_view text, Time now, const std::string& zone) {
  if (text == "now") {
    return AtNow{};
  }
  if (text.starts_with('@')) {
    return parse_restore_point(text);
  }
  if (text.starts_with(transaction_prefix)) {
    return parse_transaction(text);
  }
  if (const auto time = parse_time_text(text, now, zone)) {
    return AtTime{*time};
  }
  if (text.find('/') != std::string_view::npos) {
    return parse_lsn(text);
  }
  if (is_name(text)) {
    return AtSnapshot{std::string(text)};
  }
  throw Error(ErrorCode::usage, text.empty() ? "the moment is empty" : fmt::format("'{}' is not a moment", text),
              "Say 2026-10-07T14:30:00Z, 'yesterday 14:30 UTC', '2 hours ago', an LSN, xid:1234, @RESTORE-POINT or a "
              "snapshot; see 'bpg help moments'.");
}

std::string to_string(const Moment& moment) {
  struct Writer {
    std::string operator()(const AtNow&) const { return "now"; }
    std::string operator()(const AtTime& at) const { return to_rfc3339(at.time); }
    std::string operator()(const AtLsn& at) const { return at.lsn.str(); }
    std::string operator()(const AtTransaction& at) const { return fmt::format("{}{}", transaction_prefix, at.xid); }
    std::string operator()(const AtRestorePoint& at) const { return "@" + at.name; }
    std::string operator()(const AtSnapshot& at) const { return at.name; }
  };
  return std::visit(Writer{}, moment);
}

}  // namespace bpg
