; What a Lua file defines and requires.
; The captures and settings are explained in symbols.py.

(function_declaration name: (identifier) @name body: (_)? @body) @function
(function_declaration name: (dot_index_expression) @path body: (_)? @body) @function
(function_declaration name: (method_index_expression) @path body: (_)? @body) @function
(assignment_statement
  (variable_list . name: (identifier) @name)
  (expression_list . value: (function_definition body: (_)? @body))) @function
(assignment_statement
  (variable_list . name: (dot_index_expression) @path)
  (expression_list . value: (function_definition body: (_)? @body))) @function
(field name: (identifier) @name value: (function_definition body: (_)? @body)) @function

(variable_declaration (assignment_statement (variable_list name: (identifier) @name))) @variable
(chunk (assignment_statement (variable_list name: (identifier) @name)) @variable)
(chunk (assignment_statement (variable_list name: (dot_index_expression) @path)) @variable)

((variable_declaration
  (assignment_statement
    (variable_list . name: (identifier) @alias)
    (expression_list
      . value: (function_call
        name: (identifier) @called
        arguments: (arguments . (string) @module))))) @import
  (#set! is.called "require"))
((chunk
  (function_call name: (identifier) @called arguments: (arguments . (string) @module)) @import)
  (#set! is.called "require"))

; What is declared in here is nobody else's.
(function_definition) @local
