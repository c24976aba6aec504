#include "bpg/postgres/connection_string.hpp"

#include <string_view>

#include <fmt/format.h>

namespace bpg::postgres {

namespace {

/// All but the unreserved characters of RFC 3986 as %XX, which URIs, query strings and Java's URLDecoder read alike.
std::string percent_encoded(std::string_view text) {
  constexpr std::string_view unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string encoded;
  for (const char c : text) {
    if (unreserved.find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

/// An IPv6 address stands in brackets.
std::string host_of_url(const Endpoint& endpoint) {
  return endpoint.host.find(':') != std::string::npos ? "[" + endpoint.host + "]" : percent_encoded(endpoint.host);
}

std::string dsn_value(std::string_view value) {
  if (!value.empty() && value.find_first_of(" \t\n\v\f\r'\\=") == std::string_view::npos) {
    return std::string(value);
  }
  std::string quoted = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') {
      quoted += '\\';
    }
    quoted += c;
  }
  return quoted + "'";
}

}  // namespace

std::string url(const Endpoint& endpoint) {
  const std::string password = endpoint.password.empty() ? "" : ":" + percent_encoded(endpoint.password);
  return fmt::format("postgresql://{}{}@{}:{}/{}", percent_encoded(endpoint.user), password, host_of_url(endpoint), endpoint.port,
                     percent_encoded(endpoint.database));
}

std::string dsn(const Endpoint& endpoint) {
  const std::string password = endpoint.password.empty() ? "" : " password=" + dsn_value(endpoint.password);
  return fmt::format("host={} port={} user={}{} dbname={}", dsn_value(endpoint.host), endpoint.port, dsn_value(endpoint.user), password,
                     dsn_value(endpoint.database));
}

std::string jdbc_url(const Endpoint& endpoint) {
  const std::string password = endpoint.password.empty() ? "" : "&password=" + percent_encoded(endpoint.password);
  return fmt::format("jdbc:postgresql://{}:{}/{}?user={}{}", host_of_url(endpoint), endpoint.port, percent_encoded(endpoint.database),
                     percent_encoded(endpoint.user), password);
}

std::vector<std::pair<std::string, std::string>> environment(const Endpoint& endpoint) {
  return {{"PGHOST", endpoint.host},
          {"PGPORT", fmt::format("{}", endpoint.port)},
          {"PGUSER", endpoint.user},
          {"PGPASSWORD", endpoint.password},
          {"PGDATABASE", endpoint.database},
          {"DATABASE_URL", url(endpoint)}};
}

}  // namespace bpg::postgres
