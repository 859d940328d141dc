-- Highlights, mappings to map to, and `:Indoors`. Nothing here loads more than a few lines or starts anything.

if vim.g.loaded_indoors then return end
vim.g.loaded_indoors = true

-- Ghost text is told from code by its shape too, and can be read on the cursor's line: what Neovim links its own hints
-- to (NonText) is made to be overlooked, and has a contrast of less than 2:1 there.
local function colour()
  local comment = vim.api.nvim_get_hl(0, { name = 'Comment', link = false })
  -- In a comment that is in italics as well, nothing else would tell it from what was written.
  local parsed = vim.api.nvim_get_hl(0, { name = '@comment', link = false })
  local function are_italic(one, other) return ((one or {}).italic or (other or {}).italic) == true end
  vim.api.nvim_set_hl(0, 'IndoorsGhostDefault', {
    fg = comment.fg,
    ctermfg = comment.ctermfg,
    italic = true,
    underdotted = are_italic(comment, parsed),
    cterm = { italic = true, underdotted = are_italic(comment.cterm, parsed.cterm) },
  })
  -- Only linked to: what a person makes of the group itself stays as it is. (A link that the API makes could not be
  -- changed by `:highlight link`.)
  vim.cmd('highlight default link IndoorsGhost IndoorsGhostDefault')
  local hint = vim.fn.hlexists('ComplHintMore') == 1 and 'ComplHintMore' or 'MoreMsg'
  vim.cmd('highlight default link IndoorsHint ' .. hint)
end
colour()
-- A terminal tells Neovim its background once plugins are loaded, and no colour scheme is loaded then. While Neovim
-- still starts, nothing says that the option was set.
local colours = vim.api.nvim_create_augroup('indoors_colours', {})
vim.api.nvim_create_autocmd({ 'ColorScheme', 'VimEnter' }, { group = colours, callback = colour })
vim.api.nvim_create_autocmd('OptionSet', { group = colours, pattern = 'background', callback = colour })

for name, what in pairs({
  accept = 'Accept the suggestion',
  accept_word = 'Accept a word of the suggestion',
  accept_line = 'Accept a line of the suggestion',
  next = 'Show the next suggestion',
  previous = 'Show the previous suggestion',
  dismiss = 'Hide the suggestion',
  ask = 'Ask for suggestions',
}) do
  local plug = ('<Plug>(indoors-%s)'):format(name:gsub('_', '-'))
  vim.keymap.set('i', plug, function() require('indoors')[name]() end, { desc = 'Indoors: ' .. what })
end

vim.api.nvim_create_user_command('Indoors', function(call) require('indoors.command').run(call) end, {
  nargs = '*',
  range = true,
  bar = true,
  desc = 'Indoors: status, pauses, models, edits',
  complete = function(_, line, at) return require('indoors.command').complete(line:sub(1, at)) end,
})
