#pragma once
/// Files of this folder that are part of the program; written by CMakeLists.txt. Internal.

namespace tidegate::status {

extern const char* const kOpenApi;    ///< openapi.json
extern const char* const kPageStyle;  ///< page.css

}  // namespace tidegate::status
