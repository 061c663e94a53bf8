# How a folder becomes a library, and how the layer rules of docs/architecture.md are enforced at link level.
#
#   tidegate_library(NAME planner LEVEL 2 PURE
#                    HEADERS plan.h SOURCES plan.cpp
#                    PUBLIC tidegate::model PRIVATE nettle)
#
# A library may link only tidegate libraries of a lower LEVEL; those of its own level never
# (schema/base alone is open to its neighbours). A PURE one is checked by `nm` after it is built.

add_library(tidegate_warnings INTERFACE)
add_library(tidegate::warnings ALIAS tidegate_warnings)
target_compile_options(tidegate_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
    # GCC 12 sees uninitialised members in moved-from variants where there are none.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
    # A batch includes its sources, so their anonymous namespaces look like those of headers.
    $<$<BOOL:${TIDEGATE_UNITY}>:-Wno-subobject-linkage>
    $<$<BOOL:${TIDEGATE_WERROR}>:-Werror>)

# Most of a source's compile time goes into templates that its neighbours compile as well. Names in anonymous
# namespaces must therefore be unique in their folder; what cannot be has SKIP_UNITY_BUILD_INCLUSION.
set(CMAKE_UNITY_BUILD ${TIDEGATE_UNITY})
set(CMAKE_UNITY_BUILD_BATCH_SIZE 12)

if(TIDEGATE_SANITIZE)
    add_compile_options(-fsanitize=${TIDEGATE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${TIDEGATE_SANITIZE})
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

function(tidegate_check_level name level)
    foreach(dependency IN LISTS ARGN)
        if(NOT dependency MATCHES "^tidegate::" OR dependency STREQUAL "tidegate::warnings"
           OR dependency STREQUAL "tidegate::base")
            continue()
        endif()
        string(REPLACE "tidegate::" "tidegate_" target ${dependency})
        get_property(below GLOBAL PROPERTY ${target}_level)
        if(below STREQUAL "")
            message(FATAL_ERROR "${name} links ${dependency}, which is not defined before it")
        endif()
        if(NOT below LESS level)
            message(FATAL_ERROR "layer rule: ${name} (level ${level}) may not link ${dependency} (level ${below})")
        endif()
    endforeach()
endfunction()

function(tidegate_library)
    cmake_parse_arguments(arg "PURE" "NAME;LEVEL" "HEADERS;SOURCES;PUBLIC;PRIVATE" ${ARGN})
    set(target tidegate_${arg_NAME})
    tidegate_check_level(${arg_NAME} ${arg_LEVEL} ${arg_PUBLIC} ${arg_PRIVATE})
    set_property(GLOBAL PROPERTY ${target}_level ${arg_LEVEL})

    add_library(${target} STATIC)
    add_library(tidegate::${arg_NAME} ALIAS ${target})
    target_sources(${target} PRIVATE ${arg_SOURCES}
        PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${arg_HEADERS})
    target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR})
    target_link_libraries(${target} PUBLIC ${arg_PUBLIC} PRIVATE ${arg_PRIVATE} tidegate::warnings)
    set_target_properties(${target} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
    if(arg_PURE AND NOT TIDEGATE_SANITIZE)
        add_custom_command(TARGET ${target} POST_BUILD
            COMMAND ${PROJECT_SOURCE_DIR}/cmake/assert_pure.sh $<TARGET_FILE:${target}>
            VERBATIM)
    endif()
endfunction()

add_custom_target(programs)

function(tidegate_program)
    cmake_parse_arguments(arg "" "NAME" "SOURCES;LINK" ${ARGN})
    add_executable(${arg_NAME} ${arg_SOURCES})
    target_link_libraries(${arg_NAME} PRIVATE ${arg_LINK} tidegate::warnings)
    add_dependencies(programs ${arg_NAME})
endfunction()
